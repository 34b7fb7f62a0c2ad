/** The body on the screen and on paper, without pictures from the internet until they are asked for. */

import { button, element } from "./dom.js";
import { Frame } from "./frame.js";
import { gettext } from "./gettext.js";
import { bodyDocument } from "./mailbody.js";

export class BodyView {
  /** `bar`: what asks about pictures from the internet, or null; `frame`: the text. */
  constructor(bodies, { images, heading }) {
    Object.assign(this, { bodies, images, heading });
    this.frame = new Frame();
    this.bar = this.show({ remote: false }).wantsRemote ? this.makeBar() : null;
  }

  show({ remote }) {
    const body = bodyDocument(this.bodies, { images: this.images, heading: this.heading, remote });
    this.frame.show(body);
    return body;
  }

  makeBar() {
    const told = gettext(
      "Pictures from the internet are not shown, so that the sender cannot see when and where you read this.",
    );
    const show = button(gettext("Show pictures"), () => this.showRemote(), { id: "show-remote" });
    return element("div", { id: "remote" }, element("p", {}, told), show);
  }

  showRemote() {
    this.bar.remove();
    this.frame.element.focus();
    this.show({ remote: true });
  }

  /** The frame prints by itself, page by page; the whole page is the second best. */
  print() {
    if (!this.frame.print()) window.print();
  }
}
