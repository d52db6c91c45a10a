// What pages do beside what htmx does: local times, and a page that is over is loaded anew.
"use strict";

const root = document.documentElement;
const zoned = new Intl.DateTimeFormat("sv-SE", {
  year: "numeric", month: "2-digit", day: "2-digit",
  hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
});

function localise(within) {
  for (const one of within.querySelectorAll("time[datetime]")) {
    const text = zoned.format(new Date(one.dateTime));
    if (one.textContent !== text) one.textContent = text;
  }
}

// Without a script there is no local time, and so no switch.
root.classList.add("scripted");

if (root.dataset.times === "local") {
  localise(document);
  // Whatever draws anew brings UTC: it is turned before it is seen.
  new MutationObserver(() => localise(document)).observe(document.body, {
    subtree: true, childList: true, characterData: true,
  });
}

// What is shown is there no more, or the session is over.
document.addEventListener("gone", () => location.reload());
document.addEventListener("htmx:sse:error", (event) => {
  if (event.detail.status === 401) location.reload();
});
