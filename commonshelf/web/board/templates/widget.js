// Puts "who has it?" of a pool behind this script's tag: <script src="…/board/widget.js" data-pool="riverside" async>
const tag = document.currentScript;
const address = new URL(`/pool/${encodeURIComponent(tag.dataset.pool)}/widget`, tag.src);
if (tag.dataset.near) address.searchParams.set("near", tag.dataset.near);
const frame = document.createElement("iframe");
frame.src = address;
frame.title = tag.dataset.title || "Who has it?";
frame.loading = "lazy";
frame.referrerPolicy = "no-referrer";
frame.style.cssText = `width:100%;border:0;height:${parseInt(tag.dataset.height, 10) || 420}px`;
tag.after(frame);
