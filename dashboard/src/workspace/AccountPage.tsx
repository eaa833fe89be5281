import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { useMe } from '../api/me';
import { useLeaving } from '../app/leaving';
import { Button } from '../ui/Button';
import { Confirm } from '../ui/Dialog';
import { TextField } from '../ui/Field';
import { Form } from '../ui/Form';
import { Note } from '../ui/Note';
import { Card, Page } from '../ui/Page';
import { toast } from '../ui/toast';
import { changePassword, logOutEverywhere } from './queries';

/** Whoever is signed in: their password, and their logins. */
export function AccountPage() {
  const { kind, name } = useMe();
  return (
    <Page title="Your account" lead={kind === 'user' ? name : undefined} isNarrow>
      {kind === 'user' ? (
        <>
          <Password />
          <Logins />
        </>
      ) : (
        <Note>You are signed in with an API key, which has no account.</Note>
      )}
    </Page>
  );
}

function Password() {
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const change = useMutation({
    mutationFn: () => changePassword(current, next),
    onSuccess: () => {
      setCurrent('');
      setNext('');
      toast('Password changed');
    },
  });
  return (
    <Card title="Password">
      <Form error={change.error} onSubmit={() => change.mutate()}>
        <TextField
          label="Password now"
          path="currentPassword"
          type="password"
          autoComplete="current-password"
          required
          value={current}
          onChange={setCurrent}
        />
        <TextField
          label="New password"
          path="newPassword"
          type="password"
          autoComplete="new-password"
          required
          value={next}
          onChange={setNext}
        />
        <div>
          <Button type="submit" isPending={change.isPending}>
            Change the password
          </Button>
        </div>
      </Form>
    </Card>
  );
}

function Logins() {
  const { signOut } = useLeaving();
  const [isAsking, setAsking] = useState(false);
  return (
    <Card title="Logins" isStack>
      <p>Ends every login of yours, on all machines and in all browsers, this one too.</p>
      <div>
        <Button onClick={() => setAsking(true)}>Sign out everywhere</Button>
      </div>
      {isAsking && (
        <Confirm
          title="Sign out everywhere?"
          confirm="Sign out everywhere"
          onClose={() => setAsking(false)}
          onConfirm={async () => {
            await logOutEverywhere();
            await signOut();
          }}
        >
          You sign in anew wherever you go on.
        </Confirm>
      )}
    </Card>
  );
}
