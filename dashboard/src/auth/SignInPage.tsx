import { useMutation, useQuery } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { KeyRound } from 'lucide-react';
import { useState } from 'react';

import { api, ask } from '../api/client';
import { Button, ButtonAnchor, ButtonLink } from '../ui/Button';
import { TextField } from '../ui/Field';
import { FieldErrors } from '../ui/FieldErrors';
import { ErrorNote } from '../ui/Note';
import { Entrance } from './Entrance';
import styles from './Entrance.module.css';
import { useEnter } from './enter';
import { optionsQuery } from './options';

/** In by e-mail and password. */
export function SignInPage() {
  const { to } = useSearch({ from: '/sign-in' });
  const enter = useEnter(to);
  const options = useQuery(optionsQuery).data;
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const signIn = useMutation({
    mutationFn: () => ask(api.POST('/api/v1/auth/login', { body: { email, password } })),
    onSuccess: enter.withLogin,
  });
  return (
    <Entrance
      title="Sign in"
      links={
        <>
          {options?.signup && <Link to="/sign-up">Create an account</Link>}
          {options?.mail && <Link to="/forgot">Forgot your password?</Link>}
        </>
      }
    >
      <FieldErrors error={signIn.error}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            signIn.mutate();
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
          <TextField
            label="Password"
            path="password"
            type="password"
            autoComplete="current-password"
            required
            value={password}
            onChange={setPassword}
          />
          <ErrorNote error={signIn.error} />
          <Button variant="primary" type="submit" isPending={signIn.isPending}>
            Sign in
          </Button>
        </form>
      </FieldErrors>
      <div className={styles.or}>or</div>
      {options?.google && <ButtonAnchor href="/api/v1/auth/google">Sign in with Google</ButtonAnchor>}
      <ButtonLink to="/sign-in/key" search={{ to }}>
        <KeyRound aria-hidden />
        Use an API key
      </ButtonLink>
    </Entrance>
  );
}
