// What is wrong, as the daemon says it: alarms first, the surest on top.

/** All of it, in order; a word that nothing is, where nothing is. */
export function troubles(s) {
  if (s.alarms.length > 0) return s.alarms;
  return [{ key: "well", level: "well", title: "is wrong that the daemon knows of.", evidence: [], action: "" }];
}
