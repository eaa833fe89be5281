/** A place in a list, the newest first, and when the row that stands there was made. */
export interface Knot {
  position: number;
  /** Milliseconds since 1970. */
  time: number;
}

/** When the row at a position was made, as far as can be told from some that are known; `knots` by position, two at least. */
export function timeAt(knots: readonly Knot[], position: number): number {
  const next = knots.findIndex((knot) => knot.position >= position);
  const to = knots[next === -1 ? knots.length - 1 : Math.max(next, 1)];
  const from = knots[(next === -1 ? knots.length - 1 : Math.max(next, 1)) - 1];
  if (to === undefined || from === undefined) return Number.NaN;
  const share = to.position === from.position ? 0 : (position - from.position) / (to.position - from.position);
  return Math.round(from.time + Math.min(Math.max(share, 0), 1) * (to.time - from.time));
}

/** From where a long list is followed, up and down. */
export interface Anchor {
  /** The place of the first row below it. */
  position: number;
  /** Rows below it were made before, those above it then or later; null at either end of the list. */
  time: number | null;
}

/** What is known around an anchor. */
export interface Around {
  above: { rows: number; hasMore: boolean };
  below: { rows: number; hasMore: boolean };
}

/** So many rows from an end the list is followed from that end, where places are exact. */
const END = 50;
/** So many rows beyond what is known are still reached page by page. */
const NEAR = 300;

/**
 * Where to follow the list from for the rows `first` to `last` to be seen: null leaves the anchor where it is. `first` of the answer is where these rows
 * stand then, for near an end it may turn out that places were guessed wrong.
 */
export function anchorFor(
  anchor: Anchor,
  around: Around,
  [first, last]: readonly [number, number],
  count: number,
  knots: readonly Knot[],
): { anchor: Anchor; first: number } | null {
  const top: Anchor = { position: 0, time: null };
  const bottom: Anchor = { position: count, time: null };
  const isTop = anchor.time === null && anchor.position === 0;
  const isBottom = anchor.time === null && !isTop;
  const from = anchor.position - around.above.rows;
  const to = anchor.position + around.below.rows;
  const reaches = (near: boolean) => (near ? NEAR : 0);
  const isKnown = first >= from - reaches(around.above.hasMore) && last <= to + reaches(around.below.hasMore);
  if (first < END && !isTop && !(isBottom && isKnown)) return { anchor: top, first };
  if (last >= count - END && !isBottom && !(isTop && isKnown)) return { anchor: bottom, first };
  if (isKnown) return null;
  // The list has ended sooner than was guessed: what is seen now stands this far from the end.
  if (!isTop && !isBottom && !around.above.hasMore && first < from && last >= from) return { anchor: top, first: 0 };
  if (!isTop && !isBottom && !around.below.hasMore && last > to && first <= to) {
    return { anchor: bottom, first: count - (last - first) };
  }
  return { anchor: { position: first, time: timeAt(knots, first) }, first };
}
