import type { Timeline, TimelinePoint } from '../../api/contract';

/** Most points that are drawn; older ones go. */
const MOST = 1_500;

/** With a point that the stream has told, unless it was known. */
export function withPoint(timeline: Timeline, point: TimelinePoint): Timeline {
  const last = timeline.points.at(-1);
  if (last && Date.parse(point.at) <= Date.parse(last.at)) return timeline;
  return { ...timeline, points: [...timeline.points, point].slice(-MOST) };
}

/** The columns of a chart. Where nothing is known for longer than a few steps, the lines break. */
export function columnsOf({ stepSeconds, points }: Timeline): {
  times: number[];
  perSecond: (number | null)[];
  ringing: (number | null)[];
  talking: (number | null)[];
} {
  const times: number[] = [];
  const perSecond: (number | null)[] = [];
  const ringing: (number | null)[] = [];
  const talking: (number | null)[] = [];
  for (const point of points) {
    const at = Date.parse(point.at) / 1000;
    const before = times.at(-1);
    if (before !== undefined && at - before > 3 * Math.max(stepSeconds, 5)) {
      times.push(before + stepSeconds);
      for (const column of [perSecond, ringing, talking]) column.push(null);
    }
    times.push(at);
    perSecond.push(point.perSecond);
    ringing.push(point.ringing);
    talking.push(point.talking);
  }
  return { times, perSecond, ringing, talking };
}
