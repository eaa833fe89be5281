import { fetchRaw } from './client';

/** Saves a file of the API under a name. A link cannot do this: it would not say who asks. */
export async function download(path: string, filename: string): Promise<void> {
  const answer = await fetchRaw(path);
  const url = URL.createObjectURL(await answer.blob());
  const link = document.createElement('a');
  link.href = url;
  link.download = filename;
  link.click();
  // The browser reads it after this.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
