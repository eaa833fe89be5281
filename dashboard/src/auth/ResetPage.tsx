import { useMutation } from '@tanstack/react-query';
import { Link, useLocation } from '@tanstack/react-router';
import { useState } from 'react';

import { api, ask } from '../api/client';
import { Button, ButtonLink } from '../ui/Button';
import { TextField } from '../ui/Field';
import { FieldErrors } from '../ui/FieldErrors';
import { ErrorNote, Note } from '../ui/Note';
import { Entrance } from './Entrance';
import { tokenOf } from './token';

/** Where the link of a mail leads: sets another password. */
export function ResetPage() {
  const { hash } = useLocation();
  const token = tokenOf(hash);
  const [password, setPassword] = useState('');
  const reset = useMutation({
    mutationFn: () => ask(api.POST('/api/v1/auth/password/reset', { body: { token: token ?? '', password } })),
  });
  if (token === null) return <LinkBroken />;
  return (
    <Entrance
      title="Set another password"
      lead="Wherever you are signed in now, you will have to sign in again."
      links={<Link to="/forgot">Ask for another link</Link>}
    >
      {reset.isSuccess ? (
        <>
          <Note tone="good" isAlert>
            Your password has been changed.
          </Note>
          <ButtonLink to="/sign-in" variant="primary">
            Sign in
          </ButtonLink>
        </>
      ) : (
        <FieldErrors error={reset.error}>
          <form
            onSubmit={(event) => {
              event.preventDefault();
              reset.mutate();
            }}
          >
            <TextField
              label="New password"
              path="password"
              type="password"
              autoComplete="new-password"
              hint="12 characters or more."
              required
              minLength={12}
              value={password}
              onChange={setPassword}
            />
            <ErrorNote error={reset.error} />
            <Button variant="primary" type="submit" isPending={reset.isPending}>
              Set the password
            </Button>
          </form>
        </FieldErrors>
      )}
    </Entrance>
  );
}

/** For an address without its token. */
export function LinkBroken() {
  return (
    <Entrance title="This link is not whole" links={<Link to="/sign-in">Sign in</Link>}>
      <Note tone="warn">Its end is missing. Open it from the mail again, or copy all of it.</Note>
    </Entrance>
  );
}
