import { useMutation, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link, useLocation, useRouter } from '@tanstack/react-router';

import { api, ask } from '../api/client';
import { chooseWorkspace, currentSession, started } from '../api/session';
import { Button } from '../ui/Button';
import { ErrorNote } from '../ui/Note';
import { Entrance } from './Entrance';
import { LinkBroken } from './ResetPage';
import { SignUpForm } from './SignUpForm';
import { tokenOf } from './token';

/** Where the link of an invitation leads: joins its workspace, as oneself or as somebody new. */
export function InvitePage() {
  const { hash } = useLocation();
  const token = tokenOf(hash);
  // Who is here is found out first; nothing is shown for that moment.
  useSuspenseQuery({ queryKey: ['started'], queryFn: () => started().then(() => true), staleTime: 0, gcTime: 0 });
  const session = currentSession();
  if (token === null) return <LinkBroken />;
  if (session.kind === 'login') return <Accept token={token} email={session.user.email} />;
  return (
    <Entrance
      title="You are invited"
      lead="Create an account to join the workspace."
      links={
        <Link to="/sign-in" search={{ to: `/invite#token=${token}` }}>
          You have an account? Sign in
        </Link>
      }
    >
      <SignUpForm inviteToken={token} />
    </Entrance>
  );
}

function Accept({ token, email }: { token: string; email: string }) {
  const cache = useQueryClient();
  const router = useRouter();
  const accept = useMutation({
    mutationFn: () => ask(api.POST('/api/v1/auth/invites/accept', { body: { token } })),
    onSuccess: async ({ id }) => {
      chooseWorkspace(id);
      cache.clear();
      await router.navigate({ to: '/campaigns' });
    },
  });
  return (
    <Entrance title="You are invited" lead={`You are signed in as ${email}.`}>
      <ErrorNote error={accept.error} />
      <Button variant="primary" isPending={accept.isPending} onClick={() => accept.mutate()}>
        Join the workspace
      </Button>
    </Entrance>
  );
}
