// What people choose, drop or paste: which of it is wanted here, and why the rest is not.

const SUFFIX = /\.([a-z0-9]+)$/i;
const suffixOf = (name) => (SUFFIX.exec(name)?.[1] ?? "").toLowerCase();
const VIDEOS = new Set(["mp4", "mov", "m4v", "webm", "mkv", "avi", "mpg", "mpeg", "ts", "3gp", "flv", "wmv", "ogv"]);
const LITTER = /(^|\/)(\.|__MACOSX\/|Thumbs\.db$|desktop\.ini$)/;

// What a file is, by its name, and by its type where the name says nothing.
function kindOf(file, photos) {
  const suffix = suffixOf(file.name);
  if (photos.has(suffix)) return "photo";
  if (suffix === "zip") return "archive";
  if (VIDEOS.has(suffix)) return "video";
  if (suffix === "" && file.type.startsWith("image/")) return "photo";
  if (suffix === "" && file.type.startsWith("video/")) return "video";
  return "other";
}

// A file and its path below what was chosen.
const entryOf = (file, path = file.webkitRelativePath || file.name) => ({ file, path });

const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));
async function entriesOf(folder) {
  const reader = folder.createReader();
  const all = [];
  for (;;) { // a reader gives a hundred at a time
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all;
    all.push(...some);
  }
}

async function walk(entry, into) {
  if (entry.isFile) into.push(entryOf(await fileOf(entry), entry.fullPath.replace(/^\//, "")));
  else if (entry.isDirectory) for (const below of await entriesOf(entry)) await walk(below, into);
}

// Everything that a drop or a paste brings, folders walked through.
async function filesIn(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean); // now: later they are gone
  const files = [...transfer.files];
  if (!entries.some((entry) => entry.isDirectory)) return files.map((file) => entryOf(file, file.name));
  const found = [];
  for (const entry of entries) await walk(entry, found).catch(() => {}); // what cannot be read is not there
  return found;
}

// Part what was chosen into what is taken and what is not, in the order of the paths where it was a folder.
function sort(entries, data) {
  const photos = new Set(data.photos);
  const taken = [];
  const refused = [];
  const others = { count: 0 };
  const folder = entries.some(({ path }) => path.includes("/"));
  const ordered = folder ? [...entries].sort((a, b) => a.path.localeCompare(b.path, "en", { numeric: true })) : entries;
  for (const { file, path } of ordered) {
    const kind = kindOf(file, photos);
    if (folder && (LITTER.test(path) || !data.kinds.includes(kind))) {
      if (!LITTER.test(path)) others.count += 1;
    } else if (!data.kinds.includes(kind)) refused.push({ name: path, why: kind });
    else if (file.size === 0) refused.push({ name: path, why: "empty" });
    else taken.push({ file, path, kind });
  }
  return { taken, refused, others: others.count };
}
