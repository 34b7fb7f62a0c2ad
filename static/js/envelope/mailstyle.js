/** How the body looks where the mail says nothing itself; the mail's own styles come after it. */

export const STYLE = `
html,body{height:auto!important;min-height:0!important}
html{color-scheme:light;background:#fff;color:#1b1e23;
font:17px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;overflow-wrap:break-word}
body{margin:0}
img{max-width:100%}
.sealpost-text{margin:0;font:inherit;white-space:pre-wrap;overflow-wrap:anywhere}
.sealpost-body+.sealpost-body{margin-top:1.5em;padding-top:1.5em;border-top:1px solid #dfe3e4}
.sealpost-head{display:none}
@media print{
.sealpost-head{display:block;margin-bottom:1.5em;padding-bottom:1em;border-bottom:1px solid #999}
.sealpost-head h1{font-size:1.4em;margin:0 0 .5em}
.sealpost-head p{margin:.15em 0}}`;

/** Plain text alone follows the page around it; HTML counts on white paper. */
export const DARK_STYLE = `
@media screen and (prefers-color-scheme:dark){
html{color-scheme:dark;background:#14161a;color:#e9ebee}
a{color:#8ab4f8}}`;
