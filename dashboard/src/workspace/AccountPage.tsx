import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { useMe } from '../api/me';
import { useLeaving } from '../app/leaving';
import { ROLE } from '../keys/words';
import { Button } from '../ui/Button';
import { Chip } from '../ui/Chip';
import { Confirm } from '../ui/Dialog';
import { TextField } from '../ui/Field';
import { Form } from '../ui/Form';
import { moment } from '../ui/format';
import { ErrorNote, Note } from '../ui/Note';
import { Card, Page } from '../ui/Page';
import { Skeleton } from '../ui/Skeleton';
import { Facts } from '../ui/Stat';
import { Table } from '../ui/Table';
import { toast } from '../ui/toast';
import { accountQuery, changePassword, logOutEverywhere } from './queries';

/** Whoever is signed in: who they are, their password, and their logins. */
export function AccountPage() {
  const { kind } = useMe();
  return (
    <Page title="Your account" isNarrow>
      {kind === 'user' ? <Account /> : <Note>You are signed in with an API key, which has no account.</Note>}
    </Page>
  );
}

function Account() {
  const { data: account, error, refetch } = useQuery(accountQuery);
  if (account === undefined) {
    return error ? (
      <ErrorNote error={error} onRetry={() => refetch()} />
    ) : (
      <Card>
        <Skeleton lines={4} />
      </Card>
    );
  }
  const { name, email, createdAt, superuser, hasPassword, hasGoogle } = account;
  return (
    <>
      <Card title="You">
        <Facts
          facts={[
            ...(name !== email ? [['Name', name] as const] : []),
            ['E-mail', email],
            ['You sign in', waysIn(hasPassword, hasGoogle)],
            ['Since', moment(createdAt)],
            ...(superuser ? [['Superuser', 'You run this installation, and are an admin everywhere.'] as const] : []),
          ]}
        />
      </Card>
      {hasPassword ? (
        <Password />
      ) : (
        <Card title="Password">
          <p>You have none. On the page to sign in, say that you have forgotten it, and a mail leads you to set one.</p>
        </Card>
      )}
      <Homes homes={account.workspaces} />
      <Logins />
    </>
  );
}

const waysIn = (hasPassword: boolean, hasGoogle: boolean): string =>
  [hasPassword && 'with a password', hasGoogle && 'by Google'].filter(Boolean).join(' or ') || '–';

/** The least the API takes. */
const SHORTEST = 12;

function Password() {
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const change = useMutation({
    mutationFn: () => changePassword(current, next),
    onSuccess: () => {
      setCurrent('');
      setNext('');
      toast('Password changed; your other logins have ended');
    },
  });
  return (
    <Card title="Password" isStack>
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
          hint={`${SHORTEST} characters or more. Wherever else you are signed in, you have to sign in again.`}
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

type Home = { id: string; name: string; role: keyof typeof ROLE };

function Homes({ homes }: { homes: readonly Home[] }) {
  const { workspace } = useMe();
  const { switchTo } = useLeaving();
  if (homes.length === 0) return null;
  return (
    <Card title="Your workspaces" isFlush>
      <Table
        caption="Your workspaces"
        rows={homes}
        keyOf={({ id }) => id}
        columns={[
          { name: 'Name', cell: ({ name }) => name },
          { name: 'Your role', cell: ({ role }) => ROLE[role].text },
          {
            name: 'Where you are',
            isUnnamed: true,
            isNumber: true,
            cell: ({ id, name }) =>
              id === workspace.id ? (
                <Chip tone="info">you are here</Chip>
              ) : (
                <Button variant="quiet" onClick={() => switchTo(id)}>
                  Go there<span className="unseen">: {name}</span>
                </Button>
              ),
          },
        ]}
      />
    </Card>
  );
}

function Logins() {
  const { signOut } = useLeaving();
  const [isAsking, setAsking] = useState(false);
  return (
    <Card title="Logins" isStack>
      <p>
        If a device is lost, or you have left yourself signed in somewhere: this ends every login of yours, in all
        browsers, this one too. API keys are not logins, and stay.
      </p>
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
