import { api, ask, fetchRaw } from '../../api/client';
import { asProblem } from '../../api/problem';
import type { Upload } from '../queries';

/** Waits before a part is sent again, in milliseconds; after the last one it is given up. */
const WAITS = [1_000, 2_000, 4_000, 8_000, 15_000];
const MIB = 1024 * 1024;

/** Small enough that progress is seen, large enough that there are not thousands. */
export const partSize = (bytes: number): number => Math.min(Math.max(Math.ceil(bytes / 40), MIB / 4), 4 * MIB);

/**
 * Sends what is missing of a file, in parts, from where the server has it; a part that got lost is sent again.
 *
 * Throws a `Problem` when it is given up; what has arrived is kept, and sending goes on from there.
 */
export async function send(
  upload: Pick<Upload, 'id' | 'offset'>,
  file: Blob,
  onSent: (offset: number) => void,
  stop: AbortSignal,
): Promise<void> {
  let offset = upload.offset;
  let losses = 0;
  while (offset < file.size && !stop.aborted) {
    const part = file.slice(offset, offset + partSize(file.size));
    try {
      offset = await sendPart(upload.id, offset, part, stop);
      losses = 0;
    } catch (error) {
      const problem = asProblem(error);
      if (problem.code === 'WRONG_OFFSET' && typeof problem.meta.offset === 'number') {
        offset = problem.meta.offset;
      } else {
        const wait = WAITS[losses];
        if (stop.aborted || !problem.isPassing || wait === undefined) throw error;
        losses += 1;
        await new Promise((resolve) => setTimeout(resolve, problem.retryAfter ?? wait));
        offset = await whereItStands(upload.id).catch(() => offset);
      }
    }
    onSent(offset);
  }
}

async function sendPart(id: string, offset: number, part: Blob, signal: AbortSignal): Promise<number> {
  const headers = { 'Content-Type': 'application/octet-stream', 'Upload-Offset': String(offset) };
  const answer = await fetchRaw(`/api/v1/uploads/${id}/data`, { method: 'PATCH', headers, body: part, signal });
  return ((await answer.json()) as { data: Upload }).data.offset;
}

async function whereItStands(uploadId: string): Promise<number> {
  const upload = await ask(api.GET('/api/v1/uploads/{uploadId}', { params: { path: { uploadId } } }));
  return upload.offset;
}
