/** Asks whoever is here whether they really want to leave what they have typed; null where nothing would be lost. */
type Question = () => Promise<boolean>;

let question: Question | null = null;

/** Says what is to be asked before anybody leaves, until it is called back. */
export function askBeforeLeaving(ask: Question): () => void {
  question = ask;
  return () => {
    if (question === ask) question = null;
  };
}

/** Whether one may leave the page: asks where something would be lost. For ways out that are no navigation, like another workspace. */
export const mayLeave = async (): Promise<boolean> => question === null || question();
