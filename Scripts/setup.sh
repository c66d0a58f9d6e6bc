# What ./run and ./test share: is this a machine we know, is everything installed, where is Swift.
# Sourced by bash from the root of the repository. Everything it says goes to standard error.

# Each with the reason why it is here:
# libssl-dev zlib1g-dev       libraries that Gamekeeper links (docs/dependencies.md)
# libsqlite3-dev              another one: the store's default engine
# libpq-dev                   another one: the store's engine for several processes
# libc6-dev g++ binutils      headers, start files and linker that Swift's compiler takes from the system
# pkg-config                  tells SwiftPM where libssl lies
# libsqlite3-0 libxml2-dev    SwiftPM and Foundation (in tests) load them
# git                         SwiftPM asks it about the repository
# curl ca-certificates gnupg  fetch and check the Swift toolchain, and SwiftPM loads curl's library
packages="binutils ca-certificates curl g++ git gnupg libc6-dev libpq-dev libsqlite3-0 libsqlite3-dev libssl-dev libxml2-dev pkg-config zlib1g-dev"

# The oldest compiler that builds us, and the one that we are tested with.
swift_oldest=6.2
swift_tested=6.3.1

say() { printf '%s\n' "$@" >&2; }
die() { say "$@"; exit 1; }

require_platform() {
    [ "$(uname -s)" = Linux ] || die "Gamekeeper runs on Linux; this is $(uname -s). A container or virtual machine with Debian or Ubuntu will do."
    case "$(uname -m)" in
        x86_64 | aarch64 | arm64) ;;
        *) die "Gamekeeper is built for x86-64 and arm64; this machine is $(uname -m)." ;;
    esac
}

# Names the packages that are missing. dpkg's database is read once; nothing is installed.
missing_packages() {
    local known package
    known=" $(dpkg-query -W -f='${db:Status-Abbrev}${Package}\n' $packages 2>/dev/null | sed -n 's/^ii *//p' | tr '\n' ' ')"
    for package in $packages; do
        case "$known" in *" $package "*) ;; *) printf '%s ' "$package" ;; esac
    done
}

# Installs what is missing. A stamp remembers that nothing was: it holds as long as neither the list nor dpkg's database
# changes, so a second start asks nobody.
require_packages() {
    local stamp=.build/setup.stamp missing sudo=
    if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$packages" ] && [ ! /var/lib/dpkg/status -nt "$stamp" ]; then return 0; fi
    if ! command -v dpkg-query >/dev/null; then
        if [ ! -e "$stamp" ]; then
            say "This is not Debian or Ubuntu, so nothing is installed for you. Needed are the counterparts of:"
            say "  $packages"
            mkdir -p .build && printf '%s\n' "$packages" >"$stamp"
        fi
        return 0
    fi
    missing=$(missing_packages)
    if [ -n "$missing" ]; then
        if [ "$(id -u)" != 0 ]; then
            command -v sudo >/dev/null || die "Missing packages: $missing" "Install them as root: apt-get install $missing"
            sudo=sudo
        fi
        say "Installing: $missing"
        export DEBIAN_FRONTEND=noninteractive
        if ! { $sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends $missing; } >&2; then
            missing=$(missing_packages)
            [ -z "$missing" ] || die "Could not install: $missing" "Install them by hand and start again."
        fi
    fi
    mkdir -p .build && printf '%s\n' "$packages" >"$stamp"
}

# PostgreSQL's server, for the tests of the store's engine: they start their own, on loopback and in a folder of theirs.
# Debian's package would start one too, so it is told not to. Where it cannot be had its tests are left out, and say so.
want_postgres() {
    local conf=/etc/postgresql-common/createcluster.conf
    if command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then return 0; fi
    if ! command -v dpkg-query >/dev/null || [ "$(id -u)" != 0 ]; then
        say "PostgreSQL's server is not here: its tests are left out (as root: apt-get install postgresql)."
        return 0
    fi
    say "Installing: postgresql"
    export DEBIAN_FRONTEND=noninteractive
    {
        apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql-common &&
            sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' "$conf" &&
            apt-get install -y -qq --no-install-recommends postgresql
    } >&2 || say "PostgreSQL could not be installed: its tests are left out."
}

# Puts a Swift toolchain on the path, wherever the usual installers leave it.
find_swift() {
    local folder
    command -v swift >/dev/null && return 0
    for folder in "${SWIFTLY_BIN_DIR:-${HOME:-}/.local/share/swiftly/bin}" "${HOME:-}/.swiftly/bin" /opt/swift/usr/bin /usr/share/swift/usr/bin; do
        if [ -x "$folder/swift" ]; then
            PATH="$folder:$PATH"
            return 0
        fi
    done
    return 1
}

# $1: yes when the caller has agreed to the installation beforehand.
require_swift() {
    local found
    if ! find_swift; then
        say "There is no Swift toolchain here. The official one comes from https://www.swift.org/install/linux/"
        say "Its installer, swiftly, puts it into your home folder; nothing needs root."
        offer_swift "${1:-no}"
        find_swift || die "Swift is still not found; open a new shell and start again."
    fi
    found=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p' | head -n 1)
    [ -n "$found" ] || die "swift --version says nothing; the toolchain at $(command -v swift) is broken."
    if [ "$(printf '%s\n%s\n' "$swift_oldest" "$found" | sort -V | head -n 1)" != "$swift_oldest" ]; then
        die "Swift $found is too old; at least $swift_oldest is needed ($swift_tested is what we test with): swiftly install $swift_tested"
    fi
}

offer_swift() {
    local answer=n
    if [ "$1" = yes ]; then
        answer=y
    elif [ -t 0 ]; then
        printf 'Download and run it now? [y/N] ' >&2
        read -r answer || answer=n
    else
        die "Start again with --yes to let it be installed, or install it yourself."
    fi
    case "$answer" in
        y | Y | yes) install_swift ;;
        *) die "Install it, then start again." ;;
    esac
}

install_swift() {
    local folder machine
    machine=$(uname -m)
    [ "$machine" = arm64 ] && machine=aarch64
    folder=$(mktemp -d)
    say "Fetching swiftly from swift.org"
    (
        cd "$folder"
        curl -fsSLO "https://download.swift.org/swiftly/linux/swiftly-$machine.tar.gz"
        tar -xzf "swiftly-$machine.tar.gz"
        ./swiftly init --assume-yes --skip-install --quiet-shell-followup
    ) >&2 || die "swiftly could not be installed; see https://www.swift.org/install/linux/"
    rm -rf "$folder"
    # shellcheck disable=SC1091
    . "${SWIFTLY_HOME_DIR:-${HOME:-}/.local/share/swiftly}/env.sh"
    say "Installing Swift $swift_tested (about 1 GB)"
    swiftly install --assume-yes --use "$swift_tested" >&2 || die "swiftly could not install Swift $swift_tested."
    hash -r
}

# Newer binutils come without gold, which Swift links with unless told otherwise; the toolchain brings lld.
linker_flags() {
    if ! command -v ld.gold >/dev/null; then printf '%s' "-Xswiftc -use-ld=lld"; fi
}
