/** From a press on «Open message» to the message, and what is shown on the way. */

import { Alarm } from "./alarm.js";
import { readContent } from "./content.js";
import { NoAnswerError, RefusedError } from "./errors.js";
import { gettext } from "./gettext.js";
import { warmUp } from "./locale.js";
import { Opening } from "./opening.js";
import { showMessage } from "./reader.js";
import { decrypt, unlock } from "./segments.js";
import { SignInWindow } from "./signin-window.js";

export class Opener {
  /**
   * @param {object} envelope @param {Cover} cover
   * @param {Promise<object>} checked the payload, once it is known to be as it was sent
   * @param {Function} [standIn] a cipher for keys that the browser refuses
   * @param {object} [remembered] what remembered.js has, where an envelope can be remembered
   */
  constructor(envelope, cover, { checked, standIn, remembered }) {
    Object.assign(this, { envelope, cover, checked, standIn, remembered });
    cover.onOpen = () => this.open();
  }

  /** From now on a press counts: where the envelope may be remembered, once it is known whether it is. */
  async begin() {
    try {
      if (this.envelope.remember && this.remembered) await this.recall();
      this.cover.enable();
      await this.checked;
      warmUp(this.envelope.locale);
    } catch (error) {
      this.cover.enable();
      this.cover.showRefusal(error, this.envelope);
    }
  }

  async recall() {
    this.memory = new this.remembered.Memory(this.envelope, await this.checked);
    try {
      this.isKept = Boolean(await this.memory.recall());
    } catch (error) {
      if (error instanceof RefusedError) throw error;
      this.memory = null;
      this.cover.cannotRemember();
    }
    if (this.isKept) this.cover.showKept(() => this.forget());
  }

  async forget() {
    this.isKept = false;
    await this.memory.forget();
    this.cover.showUsual();
  }

  /** One press. Everything up to the first `await` happens within it. */
  open() {
    if (this.envelope.form) return this.envelope.form.submit();
    if (this.isKept) return this.openKept();
    if (navigator.onLine === false) return this.cover.showRefusal(new NoAnswerError(false), this.envelope);
    return this.openAnew();
  }

  async openAnew() {
    const { envelope, cover } = this;
    const opening = new Opening(envelope);
    const signIn = envelope.policy.level === "none" ? null : new SignInWindow(opening);
    cover.showBusy("opening", gettext("One moment…"));
    try {
      const payload = await this.checked;
      const { keyShare, expires, offer } = await this.obtain(opening, signIn, payload);
      const progress = cover.showBusy("decrypting", gettext("Opening your message…"));
      const keys = await unlock(payload, { keyShare, secret: envelope.secret }, this.standIn);
      await this.show(payload, keys, { progress, offer });
      if (this.memory && cover.wantsRemembering) await this.memory.keep(keys, expires);
    } catch (error) {
      signIn?.close();
      if (error.code === "cancelled") return cover.showReady();
      cover.showRefusal(error, envelope);
    }
  }

  /** By the key that is kept here, if the key server has nothing against it or cannot be reached. */
  async openKept() {
    const { envelope, cover, memory } = this;
    const progress = cover.showBusy("opening", gettext("One moment…"));
    try {
      const payload = await this.checked;
      const state = await this.remembered.askState(envelope, payload);
      const keys = await memory.recall();
      if (!keys || (state && !state.remember)) {
        await this.forget();
        return this.open();
      }
      await this.show(payload, keys, { progress });
      if (state) await memory.keep(keys, state.expires);
    } catch (error) {
      if (this.remembered.isForgottenAt(error)) await this.forget();
      cover.showRefusal(error, envelope);
    }
  }

  async show(payload, keys, { progress, offer }) {
    const segments = await decrypt(payload, keys, progress);
    await showMessage(readContent(segments, payload.segmentSize), this.envelope, offer);
  }

  /** The key share: at once for level none, else when the person has signed in. */
  async obtain(opening, signIn, { messageId }) {
    const code = await opening.prepare(messageId);
    const answer = await opening.ask();
    if (answer.keyShare) return answer;
    const alarm = new Alarm();
    const stopListening = signIn.ringWhenDone(alarm);
    const server = new URL(this.envelope.server).host;
    this.cover.showWaiting({ server, code, signIn, onCancel: () => alarm.stop() });
    try {
      return await opening.result(answer, alarm);
    } finally {
      stopListening();
      signIn.close();
    }
  }
}
