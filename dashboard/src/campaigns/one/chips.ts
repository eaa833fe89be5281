import type { components } from '../../api/schema';
import type { Recipient } from '../queries';

type Chip = components['schemas']['Chip'];
type Plan = components['schemas']['Plan'];

/** What a list knows of a step: not whether one that lies behind was tried or passed over. */
export type StepState = Chip['status'] | 'BEHIND';

/** A step as people take it: one whose first attempt has not begun is still to come. */
export function shown({ status, attempts }: Chip, { state }: Recipient): Chip['status'] {
  return status === 'IN_PROGRESS' && state === 'PENDING' && attempts === 0 ? 'WAITING' : status;
}

/** How the steps of the plan stand, as far as a row of the list tells; the recipient itself tells all. */
export function stepsOf(plan: Plan, recipient: Recipient): { channel: Chip['channel']; state: StepState }[] {
  return plan.map(({ channel }, index) => ({ channel, state: stateOf(index, recipient) }));
}

function stateOf(index: number, { step, state, disposition, attempts }: Recipient): StepState {
  if (index < step) return 'BEHIND';
  if (state === 'DONE') {
    if (index > step) return 'SKIPPED';
    if (disposition === 'REACHED') return 'CONNECTED';
    return attempts > 0 ? 'TRIED' : 'SKIPPED';
  }
  if (index > step) return 'WAITING';
  return state === 'QUEUED' || state === 'ACTIVE' ? 'IN_PROGRESS' : 'WAITING';
}
