import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { api, ask } from '../api/client';
import { Button } from '../ui/Button';
import { TextField } from '../ui/Field';
import { FieldErrors } from '../ui/FieldErrors';
import { ErrorNote } from '../ui/Note';
import { useEnter } from './enter';

/** Makes an account: with the token of an invitation in that workspace, else with a workspace of its own. */
export function SignUpForm({ inviteToken }: { inviteToken?: string }) {
  const enter = useEnter(undefined);
  const [email, setEmail] = useState('');
  const [name, setName] = useState('');
  const [workspace, setWorkspace] = useState('');
  const [password, setPassword] = useState('');
  const signUp = useMutation({
    mutationFn: () => {
      const place = inviteToken === undefined ? { workspace } : { inviteToken };
      return ask(api.POST('/api/v1/auth/signup', { body: { email, name: name || null, password, ...place } }));
    },
    onSuccess: enter.withLogin,
  });
  return (
    <FieldErrors error={signUp.error}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          signUp.mutate();
        }}
      >
        <TextField
          label="E-mail"
          path="email"
          type="email"
          autoComplete="username"
          required
          hint={inviteToken && 'The address the invitation was sent to.'}
          value={email}
          onChange={setEmail}
        />
        <TextField label="Your name" path="name" autoComplete="name" isOptional value={name} onChange={setName} />
        {inviteToken === undefined && (
          <TextField
            label="Workspace"
            path="workspace"
            hint="What your team or company is called."
            required
            value={workspace}
            onChange={setWorkspace}
          />
        )}
        <TextField
          label="Password"
          path="password"
          type="password"
          autoComplete="new-password"
          hint="12 characters or more."
          required
          minLength={12}
          value={password}
          onChange={setPassword}
        />
        <ErrorNote error={signUp.error} />
        <Button variant="primary" type="submit" isPending={signUp.isPending}>
          Create the account
        </Button>
      </form>
    </FieldErrors>
  );
}
