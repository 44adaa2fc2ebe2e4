// The camera that looks away from the person: what is this thing? Where a page may not use it, the phone's own camera app does.

const finger = () => window.matchMedia("(pointer: coarse)").matches;
const liveCamera = () => window.isSecureContext && !!navigator.mediaDevices?.getUserMedia;
const anyCamera = () => liveCamera() || finger();

async function openCamera(video) {
  const wanted = { facingMode: { ideal: "environment" }, width: { ideal: 1280 }, height: { ideal: 720 } };
  video.srcObject = await navigator.mediaDevices.getUserMedia({ video: wanted });
  await video.play();
}

function closeCamera(video) {
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
}

async function takePhoto(video) {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
  return new File([blob], "camera.jpg", { type: "image/jpeg" });
}
