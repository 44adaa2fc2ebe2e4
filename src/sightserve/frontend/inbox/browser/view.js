// The place on a page where files come in; what is on its way stays on its way when another page is shown.

const kept = {}; // by place: { sending, number, urls, offer }

const icon = (path) => `<svg viewBox="0 -960 960 960" aria-hidden="true"><path d="${path}"/></svg>`;
const ICONS = { // Material Symbols, Apache-2.0
  photo: icon("M200-120q-33 0-56.500-23.500T120-200v-560q0-33 23.500-56.500T200-840h560q33 0 56.500 23.500T840-760v560q0 33-23.500 56.500T760-120H200Zm0-80h560v-560H200v560Zm40-80h480L570-480 450-320l-90-120-120 160Z"),
  camera: icon("M480-260q75 0 127.500-52.500T660-440q0-75-52.500-127.500T480-620q-75 0-127.500 52.500T300-440q0 75 52.500 127.500T480-260Zm0-80q-42 0-71-29t-29-71q0-42 29-71t71-29q42 0 71 29t29 71q0 42-29 71t-71 29ZM160-120q-33 0-56.500-23.500T80-200v-480q0-33 23.500-56.500T160-760h126l74-80h240l74 80h126q33 0 56.500 23.500T880-680v480q0 33-23.500 56.500T800-120H160Z"),
  close: icon("m256-200-56-56 224-224-224-224 56-56 224 224 224-224 56 56-224 224 224 224-56 56-224-224-224 224Z"),
};

const HTML = `
<div class="area">
  <button class="invite" type="button"><span class="picture-icon">${ICONS.photo}</span><strong></strong><span class="how"></span><small></small></button>
  <figure hidden><div class="frame"><img class="picture" alt=""><img class="warmth" alt="" hidden></div><div class="strip"></div>
    <p class="unseen" hidden></p><figcaption></figcaption></figure>
  <video class="live" playsinline muted hidden></video>
  <video class="film" playsinline muted controls hidden></video>
  <button class="remove" type="button" aria-label="Remove" title="Remove" hidden>${ICONS.close}</button>
  <div class="progress" hidden><div role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-label="Sending"><span></span></div><p></p></div>
</div>
<div class="buttons"></div>
<p class="shots" role="status"></p>
<ul class="collected"></ul>
<input type="file" class="files" tabindex="-1" aria-hidden="true">
<input type="file" class="folder" tabindex="-1" aria-hidden="true" webkitdirectory>
<input type="file" class="snap" tabindex="-1" aria-hidden="true" accept="image/*" capture="environment">`;

export function mount({ data, parentElement, setTriggerValue }) {
  let root = parentElement.querySelector(".inbox");
  if (!root) {
    root = document.createElement("div");
    root.className = "inbox";
    root.innerHTML = HTML;
    // The page's own Enter would take it from whatever has the focus in here.
    root.addEventListener("keydown", (event) => { if (event.key === "Enter") event.stopPropagation(); });
    parentElement.append(root);
  }
  root.dataset.place = data.place;
  const view = { data, root, setTriggerValue };
  shown.set(data.place, view);
  const state = (kept[data.place] ??= {});
  // What was chosen here is not what the page shows any more: a sample is, or nothing.
  if (state.number && !state.pending && data.pick !== state.number && !data.collect) forget(state);
  if (state.pending && data.pick === state.number) state.pending = false;
  wire(view);
  draw(view);
  if (data.place === "batch") goOn(view);
  if (data.collect) goOnCollecting(view);
  return () => {
    if (shown.get(data.place) === view) shown.delete(data.place);
    const live = root.querySelector(".live");
    if (!data.collect) closeCamera(live);
    else setTimeout(() => { if (!root.isConnected) closeCamera(live); }, 500); // a run of the script ends no camera
  };
}

function forget(state) {
  state.sending?.stop();
  (state.urls ?? []).forEach((url) => URL.revokeObjectURL(url));
  Object.assign(state, { number: 0, pending: false, urls: [], names: [], sending: null, offer: null });
}

const find = (view, selector) => view.root.querySelector(selector);

function wire(view) {
  const { root, data } = view;
  const files = find(view, ".files");
  files.multiple = data.most > 1;
  files.accept = data.accept;
  const take = (input) => () => {
    const entries = [...input.files].map((file) => entryOf(file));
    input.value = ""; // the same file may be chosen again
    if (entries.length) choose(view, entries);
  };
  for (const name of [".files", ".folder", ".snap"]) find(view, name).onchange = take(find(view, name));
  find(view, ".invite").onclick = () => files.click();
  find(view, ".remove").onclick = () => {
    const state = kept[data.place];
    forget(state);
    view.setTriggerValue("removed", true);
    draw(view);
  };
}

// Buttons below the area: [key, label, what it does, icon].
function buttons(view) {
  const { data } = view;
  const live = find(view, ".live");
  if (!live.hidden && data.collect) return collectingButtons(view, live);
  if (!live.hidden) {
    return [
      ["take", "Take photo", async () => { const file = await takePhoto(live); hideCamera(view); choose(view, [entryOf(file)]); }],
      ["cancel", "Cancel", () => hideCamera(view)],
    ];
  }
  const list = [];
  if (view.root.dataset.state !== "empty" || data.folders) list.push(["choose", data.words.choose, () => find(view, ".files").click()]);
  if (data.folders) list.push(["folder", data.words.folder, () => find(view, ".folder").click()]);
  if (data.camera && anyCamera()) list.push(["camera", "Camera", () => showCamera(view), ICONS.camera]);
  return list;
}

async function showCamera(view) {
  if (!liveCamera()) {
    find(view, ".snap").click();
    return;
  }
  const live = find(view, ".live");
  try {
    live.hidden = false;
    draw(view);
    await openCamera(live);
  } catch {
    hideCamera(view);
    if (finger()) find(view, ".snap").click();
    else tell(view, [{ name: "camera", why: "camera" }]);
  }
}

function hideCamera(view) {
  const live = find(view, ".live");
  closeCamera(live);
  live.hidden = true;
  draw(view);
}

function draw(view) {
  const { data, root } = view;
  const state = kept[data.place];
  const live = !find(view, ".live").hidden;
  // What the page has a picture of is one of several, or what a browser cannot show; else the photo itself is the best one.
  const local = (state.urls ?? []).length > 0 && (state.pending || !data.picture);
  const film = data.place === "video" && local;
  const picture = local ? { src: state.urls[0], alt: `The photo ${state.names[0]}`, caption: state.names.length === 1 ? state.names[0] : "" } : data.picture;
  const filled = !live && !film && !!picture;
  const compact = !!data.collect && !live;
  const quiet = data.place === "batch" && (data.go || state.offer);
  root.dataset.state = live ? "camera" : filled || film ? "filled" : quiet ? "quiet" : "empty";
  root.classList.toggle("collects", compact);

  find(view, ".invite").hidden = live || filled || film || quiet;
  find(view, ".invite strong").textContent = data.words.invite;
  find(view, ".invite .how").textContent = data.words.how;
  find(view, ".invite small").textContent = data.words.limits;

  find(view, "figure").hidden = !filled;
  const image = find(view, ".picture");
  const many = local && state.urls.length > 1;
  find(view, ".frame").hidden = many;
  if (filled && !many) {
    if (image.getAttribute("src") !== picture.src) {
      image.onerror = () => unseen(view, picture, true);
      image.onload = () => unseen(view, picture, false);
      image.src = picture.src;
    }
    image.alt = picture.alt;
  }
  strip(view, many ? state : null);
  find(view, "figcaption").textContent = filled ? picture.caption : "";
  const warmth = find(view, ".warmth");
  const warm = filled && !many && data.warmth;
  image.classList.toggle("grey", !!warm);
  if (warm && warmth.hidden && root.getBoundingClientRect().top < 0) root.scrollIntoView({ block: "center" });
  warmth.hidden = !warm;
  if (warm) {
    warmth.src = data.warmth.src;
    Object.assign(warmth.style, data.warmth.box);
  }
  const player = find(view, ".film");
  player.hidden = !film;
  if (film && player.getAttribute("src") !== state.urls[0]) player.src = state.urls[0];
  if (!film) player.removeAttribute("src");
  find(view, ".remove").hidden = !(filled || film) || !!state.sending;

  const row = find(view, ".buttons");
  const wanted = data.go ? [] : buttons(view);
  const key = wanted.map(([name, label]) => name + label).join();
  if (row.dataset.key !== key) {
    row.dataset.key = key;
    row.replaceChildren(...wanted.map(([name, label, , mark]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = name;
      button.innerHTML = mark ?? "";
      button.append(label);
      return button;
    }));
  }
  wanted.forEach(([name, , act]) => { row.querySelector(`.${name}`).onclick = act; });
  if (data.collect) drawCollected(view);
  progress(view, state);
}

// A photo that this browser cannot show: the app's own picture of it comes with the answer.
function unseen(view, picture, failed) {
  const { data } = view;
  const image = find(view, ".picture");
  if (failed && data.picture && image.getAttribute("src") !== data.picture.src) {
    image.src = data.picture.src;
    return;
  }
  image.hidden = failed;
  const note = find(view, ".unseen");
  note.hidden = !failed;
  note.textContent = data.words.unseen ?? "";
}

function strip(view, state) {
  const box = find(view, ".strip");
  box.hidden = !state;
  const key = state ? String(state.number) : "";
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.replaceChildren(...(state?.urls ?? []).map((url, index) => {
    const image = new Image();
    image.alt = `The photo ${state.names[index]}`;
    image.onerror = () => image.remove();
    image.src = url;
    return image;
  }));
}

function progress(view, state) {
  const { sending } = state;
  const box = find(view, ".progress");
  box.hidden = !sending;
  document.body.classList.toggle("sightserve-sending", !!sending && view.data.place === "photo");
  if (!sending) return;
  const share = Math.min(1, sending.progress);
  const percent = Math.round(100 * share);
  find(view, ".progress span").style.width = `${percent}%`;
  find(view, "[role=progressbar]").setAttribute("aria-valuenow", percent);
  const total = sending.entries.length;
  const waiting = state.queue?.length ? `, ${state.queue.length.toLocaleString("en")} more to come` : "";
  find(view, ".progress p").textContent =
    total > 1 || waiting ? `${sending.count.toLocaleString("en")} of ${total.toLocaleString("en")} sent${waiting}` : `Sending ... ${percent} %`;
}

// Tell the page, and so the person, what is not taken.
const tell = (view, refused) => view.setTriggerValue("came", { pick: 0, refused });

// Something was chosen, dropped, pasted or photographed.
function choose(view, entries) {
  const { data } = view;
  const { taken, refused, others } = sort(entries, data);
  if (!taken.length) {
    tell(view, refused.length ? refused : [{ name: "", why: "nothing" }]);
    return;
  }
  if (data.place === "batch") {
    offer(view, taken, refused, others);
    return;
  }
  if (data.collect) {
    collect(view, taken, refused);
    return;
  }
  note();
  const some = taken.slice(0, data.most);
  const left = taken.length - some.length;
  const state = kept[data.place];
  forget(state);
  Object.assign(state, {
    number: Date.now(), pending: true, names: some.map(({ path }) => path), urls: some.map(({ file }) => URL.createObjectURL(file)),
  });
  draw(view); // the photo itself, before anything of it is sent
  send(view, state, data.place, some, { shrink: data.kinds.includes("photo") }, (sending) => {
    setTimeout(() => someViewOr(view).setTriggerValue("came", { pick: sending.number, refused: [...refused, ...sending.problems], left }));
  });
}

function send(view, state, place, entries, options, then) {
  const { data } = view;
  const sending = (state.sending = new Sending({
    place, entries, ticket: data.ticket, number: state.number,
    options: { original: data.original, least: data.least, mostBytes: data.most_bytes, ...options },
    onChange: () => { if (shown.has(data.place)) progress(shown.get(data.place), state); },
  }));
  progress(view, state);
  sending.run().then(() => {
    if (sending.stopped || state.sending !== sending) return;
    state.sending = null;
    if (shown.has(data.place)) progress(shown.get(data.place), state);
    then(sending);
  });
}

// Batch: the page is told what there is, and the photos go when it says so. Zips go at once: what is in them has to be counted.
function offer(view, taken, refused, others) {
  const { data } = view;
  const state = kept[data.place];
  forget(state);
  const zips = taken.filter(({ kind }) => kind === "archive");
  const all = taken.filter(({ kind }) => kind === "photo");
  const photos = all.slice(0, data.most);
  const number = Date.now();
  Object.assign(state, { number, pending: true, offer: { photos } });
  const told = (problems) => someViewOr(view).setTriggerValue("offered", {
    pick: number, photos: photos.map(({ file, path }) => [path, file.size]), left: all.length - photos.length,
    zips: zips.length, others, refused: [...refused, ...problems],
  });
  if (zips.length) send(view, state, "archive", zips, { mostBytes: data.most_archive_bytes }, (sending) => told(sending.problems));
  else told([]);
  draw(view);
}

function goOn(view) {
  const { data } = view;
  const state = kept[data.place];
  if (state.sending) state.sending.paused = data.paused;
  if (!data.go || data.go !== state.number || state.sending || state.gone || !state.offer?.photos.length) return;
  state.gone = true;
  send(view, state, data.place, state.offer.photos, { shrink: true, patient: true }, () => {});
}
