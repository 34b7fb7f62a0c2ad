/** What a mail's HTML refers to: pictures that came along are put in place, those on the internet wait. */

const REMOTE = /^(?:https?:)?\/\//i;
const EMBEDDED = /^data:image\//i;
const CID = /^cid:/i;
const CID_ANYWHERE = /cid:([^"'\s>)]+)/gi;
const CID_STYLE = /url\(\s*["']?\s*cid:([^"')]+)["']?\s*\)/gi;
const IMPORT = /@import[^;]*(?:;|$)/gi;
const REMOTE_STYLE = /url\(\s*["']?\s*(?:https?:)?\/\/[^)]*\)/gi;
// The frame is as tall as its content: what is as tall as the frame would make both grow.
const OF_FRAME_HEIGHT = /-?[\d.]+[sld]?(?:vh|vb|vmin|vmax)\b/gi;
const WITH_PICTURES = "[src], [background], [style], style";

/**
 * Go over sanitised HTML in place.
 *
 * @param {Element} mail @param {{images: Map<string, string>, remote: boolean}} options
 * @returns {boolean} whether it has pictures on the internet
 */
export function settle(mail, options) {
  const wishes = Array.from(mail.querySelectorAll(WITH_PICTURES), (node) => {
    const wanted = settleAddresses(node, options);
    return settleStyle(node, options) || wanted;
  });
  return wishes.includes(true);
}

/** An address that is neither inline nor embedded goes, unless it is remote and that may be. */
function settleAddresses(node, { images, remote }) {
  let wantsRemote = false;
  for (const name of ["src", "background"]) {
    const address = node.getAttribute(name)?.trim() ?? "";
    const isRemote = REMOTE.test(address);
    wantsRemote ||= isRemote;
    if (CID.test(address)) node.setAttribute(name, addressOf(images, address.replace(CID, "")));
    else if (!EMBEDDED.test(address) && !(remote && isRemote)) node.removeAttribute(name);
  }
  return wantsRemote;
}

/** The same for styles. What hides from the pattern by escapes is stopped by the frame's policy. */
function settleStyle(node, { images, remote }) {
  const isSheet = node.localName === "style";
  const css = isSheet ? node.textContent : (node.getAttribute("style") ?? "");
  const local = css.replace(REMOTE_STYLE, "none");
  const settled = (remote ? css : local)
    .replace(IMPORT, "")
    .replace(CID_STYLE, (_, cid) => `url("${addressOf(images, cid)}")`)
    .replace(OF_FRAME_HEIGHT, "auto");
  if (settled !== css && isSheet) node.textContent = settled;
  else if (settled !== css) node.setAttribute("style", settled);
  return local !== css;
}

function addressOf(images, cid) {
  return images.get(decodeCid(cid)) ?? "";
}

/** A Content-ID as an address writes it (RFC 2392) to what it is. */
function decodeCid(cid) {
  try {
    return decodeURIComponent(cid.trim());
  } catch {
    return cid.trim();
  }
}

/** The Content-IDs that HTML mentions, so that every other inline part can be listed with the attachments. */
export function mentionedIds(html) {
  return new Set(Array.from(html.matchAll(CID_ANYWHERE), ([, cid]) => decodeCid(cid)));
}
