// What a thumb and a narrow screen would stumble over on this page; nothing, if it is as it should be.
() => {
  const TOUCH = 44; // CSS pixels: WCAG 2.2, 2.5.5, and what phones' makers ask for
  const FIELD = 16; // a smaller font makes phones zoom into the field
  const KEYBOARDS = {
    address: { type: "email", inputmode: "email" },
    code: { inputmode: "numeric", autocomplete: "one-time-code" },
    letters: { autocapitalize: "characters", autocomplete: "off", spellcheck: "false" }, // the code of a link
  };

  const shown = (element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !element.closest(".skip");
  const name = (element) =>
    `${element.localName}${element.id && "#" + element.id} «${(element.innerText || element.name || "").trim()}»`;
  const alone = (link) => !["inline"].includes(getComputedStyle(link).display);
  const place = (element) => {
    const boxes = [element, ...(element.labels ?? [])].map((part) => part.getBoundingClientRect());
    return {
      width: Math.max(...boxes.map((box) => box.right)) - Math.min(...boxes.map((box) => box.left)),
      height: Math.max(...boxes.map((box) => box.bottom)) - Math.min(...boxes.map((box) => box.top)),
    };
  };
  const kind = (field) => ("fragment" in field.dataset ? "letters" : field.name);
  const all = (selector) => [...document.querySelectorAll(selector)].filter(shown);
  const faults = [];

  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) {
    const wide = all("body *").filter((element) => element.getBoundingClientRect().right > clientWidth + 1);
    faults.push(`${scrollWidth} px wide, ${clientWidth} there; ${wide.slice(0, 4).map(name).join(", ")}`);
  }
  const pressed = [...all("button, summary, select, input:not([type=hidden])"), ...all("a[href]").filter(alone)];
  for (const element of pressed) {
    const { width, height } = place(element);
    if (width < TOUCH || height < TOUCH) {
      faults.push(`${name(element)} is ${Math.round(width)} × ${Math.round(height)} px`);
    }
  }
  for (const field of all("input:not([type=checkbox]), select, textarea")) {
    const size = parseFloat(getComputedStyle(field).fontSize);
    if (size < FIELD) faults.push(`${name(field)} has a font of ${size} px`);
    for (const [attribute, wanted] of Object.entries(KEYBOARDS[kind(field)] ?? {})) {
      if (field.getAttribute(attribute) !== wanted) faults.push(`${name(field)} lacks ${attribute}=${wanted}`);
    }
  }
  return faults;
}
