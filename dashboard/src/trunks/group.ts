import type { TrunkGroup } from './queries';

type Member = TrunkGroup['members'][number];

/** A trunk in a group: when its turn comes, and its part of the calls among those that have the same turn. */
export interface Place {
  trunkId: Member['trunkId'];
  turn: number;
  share: number;
}

/** The trunks of a group in their order, with turns counted from 1. */
export function placesOf(members: readonly Member[]): Place[] {
  const priorities = [...new Set(members.map(({ priority }) => priority ?? 0))].sort((a, b) => a - b);
  return priorities.flatMap((priority, index) => {
    const beside = members.filter((member) => (member.priority ?? 0) === priority);
    const total = beside.reduce((sum, { weight }) => sum + (weight ?? 1), 0);
    return beside.map(({ trunkId, weight }) => ({ trunkId, turn: index + 1, share: (weight ?? 1) / total }));
  });
}

/** How the trunks of a new group take turns. */
export type Sharing = 'inOrder' | 'evenly';

/** Chosen trunks as members of a group. */
export const membersOf = (trunkIds: readonly string[], sharing: Sharing): Member[] =>
  trunkIds.map((trunkId, index) => ({ trunkId, priority: sharing === 'inOrder' ? index : 0, weight: 1 }));
