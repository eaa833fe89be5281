import { useState } from 'react';

import { useMe } from '../api/me';
import { useLeaving } from '../app/leaving';
import { Button } from '../ui/Button';
import { Confirm } from '../ui/Dialog';
import { leave } from './queries';

/** Ends one's own membership. */
export function Leave() {
  const { workspace, homes } = useMe();
  const { switchTo, signOut } = useLeaving();
  const [isAsking, setAsking] = useState(false);
  const other = homes.find(({ id }) => id !== workspace.id);
  return (
    <>
      <Button onClick={() => setAsking(true)}>Leave the workspace</Button>
      {isAsking && (
        <Confirm
          title={`Leave ${workspace.name}?`}
          confirm="Leave the workspace"
          isDangerous
          onClose={() => setAsking(false)}
          onConfirm={async () => {
            await leave(workspace.id);
            await (other ? switchTo(other.id) : signOut());
          }}
        >
          You see nothing of it from then on, until an admin invites you again. API keys you have made stay.
        </Confirm>
      )}
    </>
  );
}
