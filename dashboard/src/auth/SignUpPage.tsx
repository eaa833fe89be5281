import { Link } from '@tanstack/react-router';

import { Entrance } from './Entrance';
import { SignUpForm } from './SignUpForm';

/** For the first user of an installation, and for everybody where its operator lets everybody in. */
export function SignUpPage() {
  return (
    <Entrance
      title="Create an account"
      lead="The first account of a new installation runs it. After that, people join by invitation."
      links={<Link to="/sign-in">Sign in instead</Link>}
    >
      <SignUpForm />
    </Entrance>
  );
}
