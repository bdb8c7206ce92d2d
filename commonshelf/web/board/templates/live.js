// Keeps a page as it is now. Without scripts the page is what it was when it was opened.
const main = document.querySelector("main[data-live]");
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const SVG = "http://www.w3.org/2000/svg";

// Whoever types, or has a list open, is not disturbed.
const busy = (part) => {
  const on = document.activeElement;
  if (on && part.contains(on) && on.matches("input:not([type=hidden]), select, textarea")) return true;
  return [...part.querySelectorAll("details[open]")].length > 0 ||
    [...part.querySelectorAll("input:not([type=hidden]), textarea")].some((one) => one.value !== one.defaultValue);
};

// Texts come from our own server, which has escaped whatever others named.
const show = (name, html) => {
  const part = document.querySelector(`[data-part="${name}"]`);
  if (!part || busy(part)) return;
  const at = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  part.innerHTML = html;
  if (at) [...part.querySelectorAll("a")].find((one) => one.getAttribute("href") === at)?.focus({ preventScroll: true });
};

const draw = (move) => {
  const map = document.querySelector(".map > svg");
  const spot = (store) => map?.querySelector(`[data-store="${CSS.escape(store)}"]`);
  const [from, to] = [spot(move.from), spot(move.to)];
  if (!from || !to) return;
  const way = document.createElementNS(SVG, "path");
  way.setAttribute("d", move.arc);
  way.setAttribute("class", `way drawn ${move.kind}`);
  map.querySelector(".ways").append(way);
  for (const one of [from, to]) one.classList.add("lit");
  if (still) return;
  const long = way.getTotalLength();
  way.animate([{ strokeDasharray: `${long}`, strokeDashoffset: long }, { strokeDasharray: `${long}`, strokeDashoffset: 0 }],
    { duration: 700, easing: "ease-out" });
};

const tell = (move) => {
  const list = document.querySelector('[data-list="moves"]');
  if (!list || list.querySelector(`[data-position="${move.position}"]`)) return;
  list.insertAdjacentHTML("afterbegin", move.html);
  list.firstElementChild.classList.add("fresh");
  list.querySelector(".none")?.remove();
  while (list.children.length > 8) list.lastElementChild.remove();
};

// A member's page looks again when it is told that it is another now.
const again = async () => {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of fresh.querySelectorAll("[data-part]")) show(part.dataset.part, part.innerHTML);
};

// A store on the map leads where its name in the list does.
addEventListener("click", (event) => {
  const store = event.target.closest?.(".map [data-href]");
  if (store) location.assign(store.dataset.href);
});

if (main && window.EventSource) {
  const stream = new EventSource(main.dataset.live);
  stream.addEventListener("move", (event) => { const move = JSON.parse(event.data); draw(move); tell(move); });
  stream.addEventListener("part", (event) => { const part = JSON.parse(event.data); show(part.name, part.html); });
  stream.addEventListener("changed", again);
  addEventListener("pagehide", () => stream.close());
}

// A key in the address's fragment, as `up` prints it, never leaves the browser but by the form.
const key = document.querySelector("#key");
if (key && location.hash.length > 1) {
  key.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname + location.search);
}
