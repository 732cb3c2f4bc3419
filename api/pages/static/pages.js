// SPDX-License-Identifier: MIT
// What the pages do beside being read: upload, delete, make folders and buckets, copy and share links. Each is a request of S3's, below
// /-/ui/s3/, that shows the session's token.
"use strict";

const csrf = document.body.dataset.csrf;
const folder = document.getElementById("folder"), object = document.getElementById("object");
const PART = 16 << 20, SMALL = 32 << 20, AT_ONCE = 4, TRIES = 4;

const by = (id) => document.getElementById(id);

function make(name, properties, ...children) {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
}

// ---- Requests ----

// A browser would make another path of "." and "..".
function address(kind, bucket, key, query = {}) {
    const parts = key.split("/"), kept = !parts.includes(".") && !parts.includes("..");
    const search = new URLSearchParams(kept ? query : {...query, at: key}).toString();
    return `/-/ui/${kind}/${encodeURIComponent(bucket)}/${kept ? parts.map(encodeURIComponent).join("/") : ""}${search && "?" + search}`;
}

class Refused extends Error {
    constructor(status, text) {
        super(text.trim() || (status ? `The server said ${status}.` : "The connection broke."));
        this.status = status;
    }
}

function send(method, url, {body, type, progress, signal} = {}) {
    return new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        request.open(method, url);
        request.setRequestHeader("x-sluice-csrf", csrf);
        if (type) request.setRequestHeader("Content-Type", type);
        if (progress) request.upload.onprogress = (event) => progress(event.loaded);
        request.onload = () => request.status < 300 ? resolve(request) : reject(new Refused(request.status, request.responseText));
        request.onerror = () => reject(new Refused(0, ""));
        request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
        signal?.addEventListener("abort", () => request.abort());
        if (signal?.aborted) return request.onabort();
        request.send(body);
    });
}

// What a connection or a busy server does not do at once, it may do later.
async function sendAgain(method, url, how) {
    for (let tried = 1; ; tried++) {
        try {
            return await send(method, url, how);
        } catch (error) {
            if (error.name === "AbortError" || tried === TRIES || (error.status && error.status < 500 && error.status !== 429)) throw error;
            await new Promise((resolve) => setTimeout(resolve, 500 << tried));
        }
    }
}

// A few requests at a time, whoever makes them.
let running = 0;
const waiting = [];
async function inTurn(work) {
    if (running === AT_ONCE) await new Promise((resolve) => waiting.push(resolve));
    else running++;
    try {
        return await work();
    } finally {
        const next = waiting.shift();
        if (next) next();
        else running--;
    }
}

// ---- Saying and asking ----

function say(text) {
    by("said")?.remove();
    const said = make("div", {id: "said", role: "status"}, text);
    document.body.append(said);
    setTimeout(() => said.remove(), 4000);
}

// A dialogue: with a label it asks for a text, else whether to go on. Null: no.
function ask({title, text, label, value = "", action, danger, check}) {
    return new Promise((resolve) => {
        const input = label && make("input", {id: "asked", value, required: true, autocomplete: "off", spellcheck: false});
        const problem = make("p", {className: "problem", hidden: true});
        problem.setAttribute("role", "alert");
        const cancel = make("button", {type: "button"}, "Cancel"), go = make("button", {className: danger ? "danger" : "primary"}, action);
        const form = make("form", {method: "dialog"}, make("h2", {id: "asking"}, title));
        if (text) form.append(make("p", {}, text));
        if (label) form.append(make("label", {htmlFor: "asked"}, label), input);
        form.append(problem, make("div", {className: "actions"}, cancel, go));
        const dialog = make("dialog", {}, form);
        dialog.setAttribute("aria-labelledby", "asking");
        let answer = null;
        cancel.onclick = () => dialog.close();
        form.onsubmit = (event) => {
            const wrong = input && check && check(input.value);
            if (wrong) {
                event.preventDefault();
                problem.textContent = wrong;
                problem.hidden = false;
            } else answer = input ? input.value : true;
        };
        dialog.onclose = () => {
            dialog.remove();
            resolve(answer);
        };
        document.body.append(dialog);
        dialog.showModal();
        input?.select();
    });
}

async function attempt(work) {
    try {
        return await work();
    } catch (error) {
        say(error.message);
    }
}

async function copy(text, said) {
    try {
        await navigator.clipboard.writeText(text);
        say(said);
    } catch { // only secure pages have a clipboard
        await ask({title: "The link", label: "Copy it from here", value: text, action: "Close"});
    }
}

// ---- Uploads ----

let uploads = 0, failures = 0;

function row(name) {
    if (!by("uploads")) document.body.append(make("section", {id: "uploads"}, make("h2", {}, "Uploads"), make("ul")));
    by("uploads").setAttribute("aria-live", "polite");
    by("uploads").setAttribute("aria-label", "Uploads");
    const bar = make("progress", {max: 1, value: 0}), cancel = make("button", {}, "Cancel");
    bar.setAttribute("aria-label", name);
    cancel.setAttribute("aria-label", `Cancel ${name}`);
    const item = make("li", {}, make("span", {title: name}, name), cancel, bar);
    by("uploads").querySelector("ul").append(item);
    return {item, bar, cancel};
}

async function uploadParts(file, key, progress, signal) {
    const bucket = folder.dataset.bucket, url = (query) => address("s3", bucket, key, query);
    const size = Math.max(PART, Math.ceil(file.size / 9000 / (1 << 20)) << 20), count = Math.ceil(file.size / size), sent = new Array(count).fill(0);
    const begun = await sendAgain("POST", url({uploads: ""}), {type: file.type || "binary/octet-stream", signal});
    const uploadId = begun.responseXML.querySelector("UploadId").textContent;
    const failed = new AbortController(), both = AbortSignal.any ? AbortSignal.any([signal, failed.signal]) : signal;
    const one = (i) => inTurn(async () => {
        const answer = await sendAgain("PUT", url({partNumber: i + 1, uploadId}), {
            body: file.slice(i * size, (i + 1) * size), signal: both,
            progress: (bytes) => { sent[i] = bytes; progress(sent.reduce((sum, bytes) => sum + bytes, 0)); },
        });
        return `<Part><PartNumber>${i + 1}</PartNumber><ETag>${answer.getResponseHeader("ETag").replaceAll('"', "&quot;")}</ETag></Part>`;
    });
    try {
        const parts = await Promise.all(sent.map((_, i) => one(i)));
        await sendAgain("POST", url({uploadId}), {body: `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`, signal});
    } catch (error) {
        failed.abort();
        send("DELETE", url({uploadId})).catch(() => {});
        throw error;
    }
}

async function upload(file, name) {
    const {item, bar, cancel} = row(name), stop = new AbortController(), key = folder.dataset.folder + name;
    const progress = (bytes) => { bar.value = file.size ? Math.min(1, bytes / file.size) : 1; };
    cancel.onclick = () => stop.abort();
    uploads++;
    try {
        if (file.size > SMALL) await uploadParts(file, key, progress, stop.signal);
        else await inTurn(() => sendAgain("PUT", address("s3", folder.dataset.bucket, key), {body: file, type: file.type || "binary/octet-stream", progress, signal: stop.signal}));
        bar.value = 1;
        cancel.replaceWith(make("span", {}, "Done"));
    } catch (error) {
        failures++;
        bar.remove();
        cancel.remove();
        item.append(make("span", {className: "failed"}, error.name === "AbortError" ? "Cancelled" : error.message));
    }
    if (--uploads) return;
    if (!failures) return location.reload();
    const again = make("button", {className: "primary"}, "Show what is there now");
    again.onclick = () => location.reload();
    by("uploads").append(again);
}

async function uploadAll(files) { // [file, name] each
    const here = new Set([...document.querySelectorAll(".pick input[value]")].map((input) => input.value));
    const taken = files.filter(([, name]) => here.has(name));
    if (taken.length && !await ask({title: taken.length === 1 ? "Replace it?" : `Replace ${taken.length} objects?`,
                                    text: taken.slice(0, 5).map(([, name]) => name).join(", ") + (taken.length > 5 ? ", \u2026" : "") + (taken.length === 1 ? " is there already." : " are there already."),
                                    action: "Replace", danger: true})) return;
    failures = 0;
    for (const [file, name] of files) upload(file, name);
}

// Files and folders that were dropped, with the paths they have there.
async function dropped(items) {
    const files = [];
    const walk = async (entry, path) => {
        if (entry.isFile) return files.push([await new Promise((resolve, reject) => entry.file(resolve, reject)), path + entry.name]);
        const reader = entry.createReader();
        for (let some; (some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))).length;)
            for (const one of some) await walk(one, `${path}${entry.name}/`);
    };
    for (const entry of [...items].map((item) => item.webkitGetAsEntry?.() || item.getAsFile()).filter(Boolean)) {
        if (entry instanceof File) files.push([entry, entry.name]);
        else await walk(entry, "");
    }
    return files;
}

function takeDrops() {
    let depth = 0;
    const show = (is) => {
        by("drop")?.remove();
        if (is) document.body.append(make("div", {id: "drop"}, "Drop to upload here"));
    };
    const has = (event) => [...event.dataTransfer.types].includes("Files");
    addEventListener("dragenter", (event) => { if (has(event) && ++depth === 1) show(true); });
    addEventListener("dragleave", (event) => { if (has(event) && --depth === 0) show(false); });
    addEventListener("dragover", (event) => { if (has(event)) event.preventDefault(); });
    addEventListener("drop", async (event) => {
        if (!has(event)) return;
        event.preventDefault();
        depth = 0;
        show(false);
        const files = await attempt(() => dropped(event.dataTransfer.items));
        if (files?.length) uploadAll(files);
    });
}

// ---- Deleting ----

async function keysBelow(bucket, prefix) {
    const keys = [];
    let token;
    do {
        const answer = await send("GET", address("s3", bucket, "", {"list-type": 2, "encoding-type": "url", prefix, ...(token && {"continuation-token": token})}));
        for (const key of answer.responseXML.querySelectorAll("Contents > Key")) keys.push(decodeURIComponent(key.textContent));
        token = answer.responseXML.querySelector("NextContinuationToken")?.textContent;
    } while (token);
    return keys;
}

async function remove(bucket, names) {
    let keys = [];
    for (const name of names) keys = keys.concat(name.endsWith("/") ? await keysBelow(bucket, name) : [name]);
    if (keys.length > names.length && !await ask({title: `Delete ${keys.length} objects?`, text: "All that is in these folders goes, too.", action: "Delete all", danger: true})) return false;
    await Promise.all(keys.map((key) => inTurn(() => sendAgain("DELETE", address("s3", bucket, key)))));
    return true;
}

function pickRows() {
    const boxes = [...document.querySelectorAll("td.pick input")], all = by("all"), button = by("delete");
    const update = () => {
        const count = boxes.filter((box) => box.checked).length;
        if (all) {
            all.checked = count > 0 && count === boxes.length;
            all.indeterminate = count > 0 && count < boxes.length;
        }
        button.disabled = count === 0;
        button.textContent = count > 1 ? `Delete ${count}` : "Delete";
    };
    boxes.forEach((box) => { box.onchange = update; });
    if (all) all.onchange = () => { boxes.forEach((box) => { box.checked = all.checked; }); update(); };
    update();
    button.onclick = () => attempt(async () => {
        const names = boxes.filter((box) => box.checked).map((box) => box.value);
        if (!await ask({title: names.length === 1 ? `Delete ${names[0]}?` : `Delete these ${names.length}?`, text: names.length === 1 ? "" : names.slice(0, 5).join(", ") + (names.length > 5 ? ", \u2026" : ""), action: "Delete", danger: true})) return;
        if (await remove(folder.dataset.bucket, names.map((name) => folder.dataset.folder + name))) location.reload();
    });
}

// ---- Pages ----

function onFolder() {
    if (by("upload")) {
        by("upload").onclick = () => by("files").click();
        by("files").onchange = () => uploadAll([...by("files").files].map((file) => [file, file.name]));
        takeDrops();
    }
    if (by("mkdir")) by("mkdir").onclick = () => attempt(async () => {
        const name = await ask({title: "New folder", label: "Name", action: "Make it", check: (name) => name.replaceAll("/", "") === "" && "A folder needs a name."});
        if (name === null) return;
        const key = `${folder.dataset.folder}${name.replace(/\/+$/, "")}/`;
        await send("PUT", address("s3", folder.dataset.bucket, key), {body: ""});
        location.href = address("b", folder.dataset.bucket, key);
    });
    if (by("delete")) pickRows();
}

function onObject() {
    const {bucket, key, version} = object.dataset, name = key.slice(key.lastIndexOf("/", key.length - 2) + 1);
    const query = version ? {versionId: version} : {};
    by("copy").onclick = () => {
        const parts = key.split("/").map(encodeURIComponent).join("/");
        copy(`${location.origin}/${bucket}/${parts}${version ? `?versionId=${version}` : ""}`, "The link is copied. It takes rights to open it.");
    };
    by("share")?.addEventListener("click", (event) => {
        const seconds = event.target.dataset.seconds;
        if (!seconds) return;
        by("share").open = false;
        attempt(async () => {
            const answer = await send("POST", "/-/ui/share", {body: new URLSearchParams({bucket, key, version, seconds}), type: "application/x-www-form-urlencoded"});
            await copy(location.origin + answer.responseText, "The link is copied. Whoever has it can read this object.");
        });
    });
    if (by("delete")) by("delete").onclick = () => attempt(async () => {
        if (!await ask({title: `Delete ${name}?`, text: version ? "This version goes for good." : "", action: "Delete", danger: true})) return;
        await send("DELETE", address("s3", bucket, key, query));
        location.href = address("b", bucket, key.slice(0, key.length - name.length));
    });
}

function onHome() {
    by("mkbucket").onclick = () => attempt(async () => {
        const name = await ask({title: "New bucket", label: "Name", action: "Make it", check: (name) => !/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && "3 to 63 small letters, digits, dots and hyphens."});
        if (name === null) return;
        await send("PUT", `/-/ui/s3/${encodeURIComponent(name)}/`);
        location.href = address("b", name, "");
    });
}

for (const element of document.querySelectorAll(".js")) element.hidden = false;
if (folder) onFolder();
if (object) onObject();
if (by("mkbucket")) onHome();
addEventListener("keydown", (event) => {
    const search = document.querySelector("input[type=search]");
    if (event.key === "/" && search && !/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && !document.querySelector("dialog")) {
        event.preventDefault();
        search.focus();
    }
    if (event.key === "Escape") document.querySelectorAll("details[open]").forEach((menu) => { menu.open = false; });
});
