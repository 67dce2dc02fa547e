// Describes who may call an operation, and with which credentials.

// *rule* is the access rule of the definition; *security* is a list of alternatives, each of which
// names the schemes that are needed together.
export function accessText({ rule, security }) {
  if (rule === undefined && security === undefined) return null;
  const alternatives = (security ?? []).map((needs) => Object.entries(needs).map(needText));
  const named = alternatives.filter((needs) => needs.length).map((needs) => needs.join(" and "));
  const credentials = [...new Set(named)].join(" or ");
  const isPublic = rule === "public" || named.length < alternatives.length || !named.length;
  const who = rule ?? (isPublic ? "public" : null);
  if (!credentials) return who;
  const how = `${isPublic ? "accepts" : "needs"} ${credentials}`;
  return who ? `${who}; ${how}` : how;
}

function needText([scheme, roles]) {
  return roles.length ? `${scheme} (${roles.join(", ")})` : scheme;
}
