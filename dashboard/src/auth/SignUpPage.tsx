import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';

import { Note } from '../ui/Note';

import { Entrance } from './Entrance';
import { onlySignUp, optionsQuery } from './options';
import { SignUpForm } from './SignUpForm';

/** For the first user of an installation, and for everybody where its operator lets everybody in. */
export function SignUpPage() {
  const options = useQuery(optionsQuery).data;
  return (
    <Entrance
      title="Create an account"
      lead="The first account of an installation runs it and invites the others."
      links={!onlySignUp(options) && <Link to="/sign-in">Sign in instead</Link>}
    >
      {options?.signup === false ? (
        <Note>Nobody can sign up here now. Ask an admin of your workspace for an invitation.</Note>
      ) : (
        <SignUpForm />
      )}
    </Entrance>
  );
}
