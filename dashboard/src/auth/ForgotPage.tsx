import { useMutation } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';

import { api, ask } from '../api/client';
import { Button } from '../ui/Button';
import { TextField } from '../ui/Field';
import { FieldErrors } from '../ui/FieldErrors';
import { ErrorNote, Note } from '../ui/Note';
import { Entrance } from './Entrance';

/** Asks for a link to set another password. */
export function ForgotPage() {
  const [email, setEmail] = useState('');
  const forgot = useMutation({ mutationFn: () => ask(api.POST('/api/v1/auth/password/forgot', { body: { email } })) });
  return (
    <Entrance
      title="Set another password"
      lead="We send a link to your address. It is good for an hour."
      links={<Link to="/sign-in">Sign in</Link>}
    >
      {forgot.isSuccess ? (
        <Note tone="good" isAlert>
          If there is an account of {email}, a link is on its way to it.
        </Note>
      ) : (
        <FieldErrors error={forgot.error}>
          <form
            onSubmit={(event) => {
              event.preventDefault();
              forgot.mutate();
            }}
          >
            <TextField
              label="E-mail"
              path="email"
              type="email"
              autoComplete="username"
              required
              value={email}
              onChange={setEmail}
            />
            <ErrorNote error={forgot.error} />
            <Button variant="primary" type="submit" isPending={forgot.isPending}>
              Send the link
            </Button>
          </form>
        </FieldErrors>
      )}
    </Entrance>
  );
}
