"""Buys weapons with keys while the server is killed again and again, and looks for what happened twice or not at all.

    once.py SECONDS PLAYERS COMMAND…        the command is a server that listens on 127.0.0.1:PORT (placed for {port})

Each player is a new guest who has gold for two weapons. He buys three, each with a key of its own, and sends a call again with
the same key until it is answered. The first answer must leave him 60 gold, the second 20, and the third must be refused, however
often the server was killed in between; in the end he asks all three once more and must hear the same.
"""

import http.client, json, os, random, signal, socket, subprocess, sys, threading, time

seconds, players, command = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
seed = int(os.environ.get("SEED", time.time_ns() % 1_000_000))
print(f"seed {seed}")
chance = random.Random(seed)
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
command = [word.replace("{port}", str(port)) for word in command]
end = time.monotonic() + seconds
patience = end + 60
kills = tries = finished = 0
wrong = []
guard = threading.Lock()


def ask(method, params, token=None, key=None):
    """One attempt: (status, body), or None when it is not known what became of it."""
    global tries
    tries += 1
    head = {"Content-Type": "application/json"}
    if token: head["Authorization"] = f"Bearer {token}"
    if key: head["Idempotency-Key"] = key
    try:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        link.request("POST", f"/v1/rpc/{method}", json.dumps(params), head)
        answer = link.getresponse()
        body = answer.read()
        link.close()
        return answer.status, json.loads(body or b"{}")
    except (OSError, http.client.HTTPException, ValueError):
        return None


def until_answered(method, params, token=None, key=None):
    while time.monotonic() < patience:
        said = ask(method, params, token, key)
        # What may pass is asked again: too early, too often, away, late.
        if said and said[0] not in (409, 429, 503, 504): return said
        time.sleep(0.02 + 0.1 * random.random())
    return None


def play():
    global finished
    secret = f"{random.getrandbits(128):032x}"
    login = until_answered("auth.guest", {"device_secret": secret})
    token = login[1].get("access_token")
    expected = [(200, 60), (200, 20), (422, None)]
    keys = [f"{secret}-{number}" for number in range(3)]
    heard = []
    for key in keys + keys:
        said = until_answered("shop.buy", {"weapon": "axe"}, token, key)
        if said is None:
            with guard: wrong.append(f"{secret}: no answer within a minute")
            return
        heard.append((said[0], said[1].get("gold")))
    with guard:
        finished += 1
        if [one[1] for one in heard] != [60, 20, None] * 2 or heard[2][0] < 400 or heard[5] != heard[2]:
            wrong.append(f"{secret}: {heard}")


def start():
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=open(os.environ.get("LOG", os.devnull), "a"))


server = start()
threads = []


def crowd():
    while time.monotonic() < end: play()


try:
    for _ in range(players):
        threads.append(threading.Thread(target=crowd, daemon=True))
        threads[-1].start()
    while time.monotonic() < end:
        time.sleep(chance.uniform(0.1, 1.5))
        server.send_signal(signal.SIGKILL)
        server.wait()
        kills += 1
        server = start()
    for thread in threads: thread.join(timeout=90)
finally:
    server.kill()
    server.wait()
print(f"{kills} kills, {tries} attempts, {finished} players finished, {len(wrong)} wrong")
for line in wrong[:20]: print(line)
sys.exit(1 if wrong or finished < players or kills < 3 else 0)
