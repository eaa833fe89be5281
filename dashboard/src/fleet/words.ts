import type { components } from '../api/schema';
import type { Tone } from '../ui/Chip';

type Worker = components['schemas']['FleetWorker'];

const LANES: Readonly<Record<string, { text: string; meaning: string }>> = {
  trigger: { text: 'Single calls', meaning: 'Placed one by one; they overtake campaigns.' },
  campaign: { text: 'Campaigns', meaning: 'Calls and messages whose turn it is.' },
  import: { text: 'Lists', meaning: 'Files that are being looked through and read in.' },
  deliver: { text: 'Webhooks', meaning: 'Events on their way to your endpoints.' },
};

/** What waits in a lane; one that is not known is shown as it is. */
export const laneOf = (lane: string): { text: string; meaning: string } => LANES[lane] ?? { text: lane, meaning: '' };

/** How a worker is. */
export function stateOf({ draining, askedToDrain }: Worker): { text: string; tone: Tone; meaning: string } {
  if (askedToDrain && !draining) return { text: 'About to drain', tone: 'warn', meaning: 'It has been asked to.' };
  if (askedToDrain)
    return { text: 'Draining', tone: 'warn', meaning: 'It takes no more calls, as somebody has asked.' };
  if (draining) return { text: 'Ending', tone: 'warn', meaning: 'It is being stopped, and its calls end first.' };
  return { text: 'Working', tone: 'good', meaning: 'It takes calls.' };
}

/** Versions that workers run, the one most of them have first. */
export function versionsOf(workers: readonly Worker[]): [version: string, workers: number][] {
  const counts = new Map<string, number>();
  for (const { version } of workers) counts.set(version, (counts.get(version) ?? 0) + 1);
  return [...counts].sort(([a, n], [b, m]) => m - n || a.localeCompare(b));
}
