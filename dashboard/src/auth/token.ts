/** The token of a link that came by mail. It is in the fragment, which no server's log sees. */
export function tokenOf(hash: string): string | null {
  return new URLSearchParams(hash.replace(/^#/, '')).get('token');
}
