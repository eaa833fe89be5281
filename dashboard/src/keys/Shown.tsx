import { Button } from '../ui/Button';
import { Code } from '../ui/Code';
import { Copy } from '../ui/Copy';
import { Dialog } from '../ui/Dialog';
import { Note } from '../ui/Note';
import type { KeyMade } from './queries';
import { commandFor } from './words';

/** A key, which nobody is shown a second time, and how it is used. */
export function Shown({ of: { name, secret }, onClose }: { of: KeyMade; onClose: () => void }) {
  const trial = commandFor(secret, location.origin);
  return (
    <Dialog
      title={`The key of ${name}`}
      onClose={onClose}
      isQuestion
      actions={
        <Button variant="primary" onClick={onClose}>
          I have kept it
        </Button>
      }
    >
      <Note tone="warn">It is not shown again. Whoever has it may do what it may: keep it like a password.</Note>
      <Code text={secret} label="The key" aside={<Copy text={secret} what="the key" />} />
      <p>This tells who it is and what it may:</p>
      <Code text={trial} label="A command that uses it" aside={<Copy text={trial} what="the command" />} />
    </Dialog>
  );
}
