// A photo as it is sent: what the model and the page need of it, upright. Twelve megapixels are four megabytes, and minutes on a slow
// line; what is sent is a tenth of that.

const LONGEST = 1600; // pixels
const SMALL_ENOUGH = 500_000; // bytes: such a photo goes as it is
const QUALITY = 0.88;

// Returns { blob, width, height }: the size is that of the photo itself, 0 where this browser cannot read it.
async function asSent(file, { original, least }) {
  const picture = new Image();
  const url = URL.createObjectURL(file);
  try {
    picture.src = url;
    await picture.decode(); // in the shape that its EXIF orientation says
    const { naturalWidth: width, naturalHeight: height } = picture;
    const whole = { blob: file, width, height };
    const scale = Math.min(1, Math.max(LONGEST / Math.max(width, height), least / Math.min(width, height)));
    if (original || scale === 1 || file.size <= SMALL_ENOUGH) return whole;
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const pen = canvas.getContext("2d", { alpha: false });
    pen.fillStyle = "#fff"; // what is transparent is shown over white
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
    return blob && blob.size < file.size ? { blob, width, height } : whole;
  } catch {
    return { blob: file, width: 0, height: 0 }; // the classifier may read it all the same
  } finally {
    URL.revokeObjectURL(url);
  }
}
