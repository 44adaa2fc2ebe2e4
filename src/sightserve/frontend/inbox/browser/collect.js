// A place that collects: what comes in joins what is there, as often as one likes. Photos go to the server in one pick after another:
// the next begins when the page has taken in the last one. Below stand small pictures of what is there, each can be removed.

const HELD_EVERY = 300; // milliseconds between photos while a finger stays on the button

function collect(view, taken, refused) {
  const state = kept[view.data.place];
  (state.queue ??= []).push(...taken);
  (state.refused ??= []).push(...refused);
  sendNext(view);
}

function sendNext(view) {
  const { data } = view;
  const state = kept[data.place];
  if (!state.sending && !state.arrived && state.queue?.length) {
    const some = state.queue.splice(0, data.most);
    state.number = Math.max(Date.now(), (state.number ?? 0) + 1);
    send(view, state, data.place, some, { shrink: true }, (sending) => {
      state.arrived = { pick: sending.number, refused: [...state.refused, ...sending.problems], left: 0 };
      state.refused = [];
      const here = shown.get(data.place); // or as soon as it is shown again
      if (here) tellArrived(here);
    });
  }
  progress(view, state);
}

const tellArrived = (view) => setTimeout(() => {
  const { arrived } = kept[view.data.place];
  if (arrived) view.setTriggerValue("came", arrived);
});

function goOnCollecting(view) {
  const state = kept[view.data.place];
  const told = state.arrived?.pick;
  if (told && view.data.pick >= told) state.arrived = null; // taken in
  else if (told && state.told !== told) tellArrived(view); // it came while another page was shown
  if (told) state.told = told;
  sendNext(view);
}

// While the camera is open: one photo for a press, and one after another for as long as it is held.
const ENDS = ["pointerup", "pointercancel", "blur"];

async function shoot(view, live) {
  if (live.videoWidth) choose(view, [entryOf(await takePhoto(live))]);
  const state = kept[view.data.place];
  state.shot = (state.shot ?? 0) + 1;
  find(view, ".shots").textContent = `${state.shot} taken`;
}

function hold(view, live) {
  const root = view.root;
  const release = () => { clearInterval(root.held); for (const name of ENDS) window.removeEventListener(name, release, true); };
  clearInterval(root.held);
  shoot(view, live);
  root.held = setInterval(() => (live.hidden ? release() : shoot(view, live)), HELD_EVERY);
  for (const name of ENDS) window.addEventListener(name, release, true);
}

const collectingButtons = (view, live) => [
  ["take", "Take photo, hold for many", (event) => { if (!event.detail) shoot(view, live); }], // a key's press; see `hold`
  ["cancel", "Done", () => { kept[view.data.place].shot = 0; find(view, ".shots").textContent = ""; hideCamera(view); }],
];

function drawCollected(view) {
  const { data } = view;
  const take = find(view, ".buttons .take");
  if (take) {
    take.onpointerdown = (event) => { if (!event.button) hold(view, find(view, ".live")); };
    take.oncontextmenu = (event) => event.preventDefault(); // what a long press brings on a phone
  }
  const box = find(view, ".collected");
  const key = JSON.stringify((data.pictures ?? []).map(({ id }) => id));
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.replaceChildren(...(data.pictures ?? []).map(({ id, src, name }) => {
    const item = document.createElement("li");
    const picture = document.createElement(src ? "img" : "span");
    if (src) Object.assign(picture, { src, alt: name });
    else picture.textContent = name;
    const button = document.createElement("button");
    Object.assign(button, { type: "button", title: `Remove ${name}`, innerHTML: ICONS.close });
    button.setAttribute("aria-label", `Remove ${name}`);
    button.onclick = () => { item.remove(); view.setTriggerValue("removed", id); };
    item.append(picture, button);
    return item;
  }));
}
