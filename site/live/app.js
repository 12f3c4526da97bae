// The page: its fields and their state in the address, the tabs, and what Python's answers look like.

import { mount } from "./window.js";

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// Python, in a worker. Each call gets the answer of its own number; `latest` drops answers that came too late.

const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
const waiting = new Map();
let calls = 0;

worker.onmessage = ({ data }) => {
  if ("step" in data || "failed" in data) {
    const status = $("#status");
    status.textContent = data.failed ? `Python could not be loaded: ${data.failed}` : data.step && `${data.step} …`;
    status.classList.toggle("error", Boolean(data.failed));
    $("#progress").hidden = !data.step;
    return;
  }
  waiting.get(data.id)?.(data);
  waiting.delete(data.id);
};

function call(name, argument, files) {
  calls += 1;
  const id = calls;
  return new Promise((resolve) => {
    waiting.set(id, resolve);
    worker.postMessage({ id, name, argument, files });
  });
}

const numbers = {};
async function latest(name, argument, files) {
  numbers[name] = (numbers[name] ?? 0) + 1;
  const number = numbers[name];
  const reply = await call(name, argument, files);
  return number === numbers[name] ? reply : null;
}

// Elements

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

function copyButton(code) {
  const button = make("button", { type: "button", class: "copy", onclick: async () => {
    try {
      await navigator.clipboard.writeText(code);
      button.textContent = "copied";
    } catch {
      // Without leave, and on pages that are not served over https, the code is selected instead.
      getSelection().selectAllChildren(button.previousSibling);
      button.textContent = "selected";
    }
    setTimeout(() => { button.textContent = "copy"; }, 1200);
  } }, "copy");
  return button;
}

const codeLine = (code) => make("div", { class: "code" }, make("code", {}, code), copyButton(code));

// A result's tables, unfolded. convpad writes this HTML itself, with every name in it escaped.
function tell(element, reply) {
  element.innerHTML = reply.result?.html ?? "";
  for (const details of $$("details", element)) details.open = true;
}

// Refusals stand beside the field that they are about.
function refuse(form, reply) {
  for (const field of $$("[aria-invalid]", form)) { field.removeAttribute("aria-invalid"); field.removeAttribute("aria-describedby"); }
  for (const old of $$(".refusal", form)) old.remove();
  if (!reply?.error) return;
  const field = reply.field && form.elements[reply.field];
  const id = `${form.id}-refusal`;
  const line = make("p", { class: "refusal", id, role: "alert" }, reply.error);
  if (field) {
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", id);
    field.closest("label").after(line);
  } else form.append(line);
}

// The address holds the tab, its fields, and what is chosen below them: `#explain?input=7x7&kernel=3&pin=output:0,1`.

const chosen = { explain: {}, solve: {} };
const forms = { explain: $("#explain-form"), solve: $("#solve-form") };
const tabs = $$("[role=tab]");

function fields(form) {
  return Object.fromEntries($$("[name]", form).map((field) => [field.name, field.type === "checkbox" ? (field.checked ? "1" : "") : field.value]));
}

function write(form, values) {
  for (const field of $$("[name]", form)) {
    const value = values[field.name] ?? field.dataset.default ?? "";
    if (field.type === "checkbox") field.checked = value === "1";
    else field.value = value;
  }
}

function show(tab) {
  for (const button of tabs) {
    const chosen = button.id === `tab-${tab}`;
    button.setAttribute("aria-selected", chosen);
    button.tabIndex = chosen ? 0 : -1;
    $(`#${button.getAttribute("aria-controls")}`).hidden = !chosen;
  }
}

function address(tab) {
  const state = forms[tab] ? { ...fields(forms[tab]), ...chosen[tab] } : {};
  const set = Object.entries(state).filter(([name, value]) => value !== (forms[tab].elements[name]?.dataset.default ?? ""));
  const query = new URLSearchParams(set).toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  return `#${tab}${query ? `?${query}` : ""}`;
}

const run = { explain: explainNow, solve: solveNow, audit: () => {} };

function follow() {
  const [tab, query = ""] = location.hash.slice(1).split("?");
  const known = run[tab] ? tab : "explain";
  const state = Object.fromEntries(new URLSearchParams(query));
  if (forms[known]) write(forms[known], state);
  const { step = "", numbers = "", pin = "", table = "" } = state;
  if (known === "explain") chosen.explain = { step, numbers, pin };
  if (known === "solve") {
    chosen.solve = { table };
    if (table) { $("#table-text").value = table; solveTable(); }
  }
  show(known);
  run[known]();
}

// Typing replaces the address, so that the button "back" leaves a tab and does not undo letters.
function keep(tab, replaces = true) {
  history[replaces ? "replaceState" : "pushState"](null, "", address(tab));
}

for (const button of tabs) {
  const tab = button.id.replace("tab-", "");
  button.addEventListener("click", () => { keep(tab, false); show(tab); run[tab](); });
  button.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(button) + step + tabs.length) % tabs.length];
    next.focus();
    next.click();
  });
}
for (const [tab, form] of Object.entries(forms)) {
  let timer;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    if (tab === "explain") Object.assign(chosen.explain, { step: "", pin: "" });
    timer = setTimeout(() => { keep(tab); run[tab](); }, 200);
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); keep(tab); run[tab](); });
}
addEventListener("hashchange", follow);
addEventListener("popstate", follow);

// Explain

async function explainNow() {
  const form = forms.explain;
  const op = form.elements.op.value;
  $("#ceil-field").hidden = !op.endsWith("_pool");
  $("#output-padding-field").hidden = op !== "conv_transpose";
  const state = fields(form);
  if (!op.endsWith("_pool")) state.ceil = "";
  if (op !== "conv_transpose") state.output_padding = "";
  const reply = await latest("explain", state);
  if (!reply) return;
  refuse(form, reply);
  $("#explained").classList.toggle("stale", Boolean(reply.error));
  if (reply.error) return;
  const { summary, sentences, window, words } = reply.result;
  $("#summary").textContent = summary;
  const { step, numbers, pin } = chosen.explain;
  mount($("#drawing"), window, { step: Number(step), numbers: numbers === "1", pin }, (changes) => {
    const texts = { step: changes.step ? String(changes.step) : "", numbers: changes.numbers ? "1" : "", pin: changes.pin ?? "" };
    Object.assign(chosen.explain, texts);
    keep("explain");
  });
  $("#sentences").replaceChildren(...sentences.map(([title, ...facts]) =>
    make("li", {}, make("strong", {}, title), make("ul", {}, ...facts.map((fact) => make("li", {}, fact))))));
  $("#words").replaceChildren(...words.map(({ title, code, exact, note }) => make("tr", {},
    make("th", { scope: "row" }, title),
    make("td", {},
      ...(exact ? [] : [make("p", { class: "inexact" }, code ? "cannot be said in one operation; write" : "cannot be said there")]),
      ...(code ? [codeLine(code)] : []),
      ...(note ? [make("p", { class: "note" }, note)] : [])))));
}

// Solve

const stateLink = (state, text) => make("a", { href: `#explain?${new URLSearchParams(Object.entries(state).filter(([, value]) => value && value !== "1x1")).toString().replaceAll("%2C", ",")}` }, text);

function solutionRow({ padding, reason, code, state, change }) {
  return make("li", {},
    ...(change ? [make("p", { class: "change" }, change)] : []),
    make("p", {}, make("strong", {}, `padding ${padding}`), " ", stateLink(state, "show")),
    make("p", { class: "reason" }, reason),
    make("details", {}, make("summary", {}, "code"), ...Object.entries(code).map(([title, line]) =>
      make("div", {}, make("span", { class: "framework" }, title), line ? codeLine(line) : " cannot be said there"))));
}

async function solveNow() {
  const form = forms.solve;
  const state = fields(form);
  if (!state.input || !state.output) { refuse(form, null); return; }
  const reply = await latest("solve", state);
  if (!reply) return;
  refuse(form, reply);
  if (reply.error) return;
  const { summary, rows, nearest } = reply.result;
  $("#solved-summary").textContent = summary;
  $("#solutions").replaceChildren(...[...rows, ...nearest].map(solutionRow));
}

async function solveTable() {
  const reply = await latest("table", $("#table-text").value);
  if (!reply) return;
  refuse($("#table-form"), reply);
  tell($("#table-answer"), reply);
}

$("#table-form").addEventListener("submit", (event) => {
  event.preventDefault();
  chosen.solve.table = $("#table-text").value;
  keep("solve");
  solveTable();
});

// Audit: one file, or two to compare. The bytes go to the worker, which is a part of this page, and nowhere else.

const dropped = [];

async function auditNow(files) {
  for (const file of files) {
    dropped.push(file);
    if (dropped.length > 2) dropped.shift();
  }
  const chosen = dropped.slice();
  const status = $("#audit-status");
  status.classList.remove("error");
  status.textContent = `reading ${chosen.map((file) => file.name).join(" and ")} …`;
  const names = chosen.map((file, place) => (place && file.name === chosen[0].name ? `2-${file.name}` : file.name));
  const contents = await Promise.all(chosen.map(async (file, place) => [names[place].replaceAll("/", "_"), await file.arrayBuffer()]));
  const reply = chosen.length === 1 ? await latest("audit", names[0], contents) : await latest("compare", names, contents);
  if (!reply) return;
  status.textContent = reply.error ?? reply.result.summary;
  status.classList.toggle("error", Boolean(reply.error));
  tell($("#audited"), reply);
  if (reply.error) dropped.pop();
  $("#forget").hidden = !dropped.length;
}

const drop = $("#drop");
for (const kind of ["dragenter", "dragover"]) drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => { event.preventDefault(); auditNow(event.dataTransfer.files); });
$("#file").addEventListener("change", (event) => {
  const files = [...event.target.files];
  event.target.value = ""; // so that the same file may be chosen again
  auditNow(files);
});
$("#forget").addEventListener("click", () => {
  dropped.length = 0;
  $("#audited").replaceChildren();
  $("#audit-status").textContent = "";
  $("#forget").hidden = true;
});

follow();
