import { Chip } from '../ui/Chip';
import type { CallState } from './queries';
import { CALL, isLive } from './words';

/** Where a call stands, or what it came to. */
export function CallChip({ status }: { status: CallState }) {
  const { text, tone } = CALL[status];
  return (
    <Chip tone={tone} isLive={isLive(status)}>
      {text}
    </Chip>
  );
}
