"use strict";

const clock = document.getElementById("clock");
const events = new EventSource("/welcome/clock");
events.onmessage = (event) => { clock.textContent = event.data; };
events.onerror = () => { clock.textContent = "the stream broke; trying again…"; };

const state = document.getElementById("state");
const heard = document.getElementById("heard");
const text = document.getElementById("text");
let socket;
let wait = 250;

function connect() {
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/welcome/talk`);
    socket.onopen = () => { state.textContent = "connected"; wait = 250; };
    socket.onmessage = (event) => {
        const line = document.createElement("li");
        line.textContent = event.data;
        heard.prepend(line);
        while (heard.children.length > 20) heard.lastChild.remove();
    };
    socket.onclose = () => {
        state.textContent = "not connected; trying again…";
        setTimeout(connect, wait);
        wait = Math.min(wait * 2, 8000);
    };
}
connect();

document.getElementById("talk").addEventListener("submit", (event) => {
    event.preventDefault();
    if (text.value !== "" && socket.readyState === WebSocket.OPEN) {
        socket.send(text.value);
        text.value = "";
    }
});
