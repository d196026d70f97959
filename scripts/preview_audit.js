// SPDX-License-Identifier: Apache-2.0
// Evaluated in each page through the debugger, which the policy does not bind; returns what is wrong.
// Colours are resolved by painting one pixel.
() => {
  const faults = [];
  const canvas = document.createElement('canvas'); canvas.width = canvas.height = 1;
  const pen = canvas.getContext('2d', {willReadFrequently: true});
  const rgba = c => { pen.clearRect(0, 0, 1, 1); pen.fillStyle = c; pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data]; };
  const lum = c => { const [r, g, b] = c.slice(0, 3).map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = el => { for (; el; el = el.parentElement) { const c = rgba(getComputedStyle(el).backgroundColor); if (c[3] === 255) return c; }
    return [255, 255, 255, 255]; };
  const shown = el => el.getClientRects().length && !el.closest('.vh, .skip');
  for (const el of document.body.querySelectorAll('*')) {
    if (!shown(el)) continue;
    const words = [...el.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (words) {
      const style = getComputedStyle(el), a = lum(rgba(style.color)), b = lum(ground(el));
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < 4.5) faults.push(`contrast ${ratio.toFixed(2)}: ${el.tagName}.${el.className} ${el.textContent.trim().slice(0, 40)}`);
    }
    if (el.matches('.btn, .input:not(textarea), .tabs a, .choice') && el.getBoundingClientRect().height < 43.5)
      faults.push(`target ${el.getBoundingClientRect().height}: ${el.textContent.trim().slice(0, 40)}`);
    if (el.matches('input:not([type=hidden]), select, textarea') && !el.labels.length) faults.push(`no label: ${el.name}`);
    if (el.matches('button, a') && !el.textContent.trim()) faults.push('no name: ' + el.outerHTML.slice(0, 60));
  }
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  for (const id of ids.filter((v, i) => ids.indexOf(v) !== i)) faults.push('id twice: ' + id);
  for (const el of document.querySelectorAll('[aria-describedby], [aria-labelledby]'))
    for (const id of ((el.getAttribute('aria-describedby') || '') + ' ' + (el.getAttribute('aria-labelledby') || '')).trim().split(/ +/))
      if (!document.getElementById(id)) faults.push('names nothing: ' + id);
  const levels = [...document.querySelectorAll('h1, h2, h3, h4')].map(h => +h.tagName[1]);
  if (levels.filter(l => l === 1).length !== 1) faults.push('h1 count');
  levels.forEach((l, i) => { if (i && l > levels[i - 1] + 1) faults.push('heading skips to h' + l); });
  for (const f of document.querySelectorAll('form')) if (f.method !== 'post') faults.push('form ' + f.action);
  if (document.querySelector('script, style, [style], b, i')) faults.push('foreign markup');
  if (document.documentElement.scrollWidth > innerWidth) faults.push('scrolls sideways: ' + document.documentElement.scrollWidth);
  return faults;
}
