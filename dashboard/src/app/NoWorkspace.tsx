import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import { api, ask } from '../api/client';
import { meQuery } from '../api/me';
import { chooseWorkspace } from '../api/session';
import { Entrance } from '../auth/Entrance';
import { Button } from '../ui/Button';
import { TextField } from '../ui/Field';
import { FieldErrors } from '../ui/FieldErrors';
import { ErrorNote } from '../ui/Note';
import { useLeaving } from './leaving';

/** For users who are in no workspace (any more): make one, or go. */
export function NoWorkspace() {
  const [name, setName] = useState('');
  const cache = useQueryClient();
  const { signOut } = useLeaving();
  const make = useMutation({
    mutationFn: () => ask(api.POST('/api/v1/workspaces', { body: { name } })),
    onSuccess: async ({ id }) => {
      chooseWorkspace(id);
      await cache.resetQueries(meQuery);
    },
  });
  return (
    <Entrance title="You are in no workspace" lead="Ask an admin for an invitation, or make a workspace of your own.">
      <FieldErrors error={make.error}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            make.mutate();
          }}
        >
          <TextField label="Name of the workspace" path="name" required value={name} onChange={setName} />
          <Button variant="primary" type="submit" isPending={make.isPending}>
            Make the workspace
          </Button>
          <ErrorNote error={make.error} />
        </form>
      </FieldErrors>
      <Button variant="quiet" onClick={signOut}>
        Sign out
      </Button>
    </Entrance>
  );
}
