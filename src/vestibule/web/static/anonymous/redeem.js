// SPDX-License-Identifier: Apache-2.0
// Redeems without a cookie, even in a browser that has one. A code in the link's fragment never left this browser.

import { readCode } from "./coding.js";

const form = document.getElementById("redeem");
const field = document.getElementById("code");
const told = document.getElementById("told");

if (location.hash.length > 1) {
  field.value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
}
form.addEventListener("submit", redeem);

async function redeem(submitted) {
  submitted.preventDefault();
  const code = readCode(form.dataset.event, field.value);
  if (code === null) return tell("This is no code. Paste the whole of it, from vsa_ to its end.");
  const headers = { "content-type": "application/json" };
  try {
    const answer = await fetch(form.dataset.redeem, {
      method: "POST", credentials: "omit", headers, body: JSON.stringify(code),
    });
    if (answer.status === 204) {
      form.hidden = true;
      return tell("Redeemed. Your code has been counted, and can’t be used again.");
    }
    const problem = await answer.json();
    if (answer.status === 404) return tell("This code is no code of this event, or it was redeemed before.");
    return tell(problem.detail || problem.title);
  } catch {
    return tell("The service can’t be reached. Try again in a moment.");
  }
}

function tell(text) {
  told.textContent = text;
  told.hidden = false;
}
