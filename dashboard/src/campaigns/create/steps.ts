/** The steps of making a campaign. Those after the agent are about a draft that the server has. */
export const STEPS = ['list', 'agent', 'channels', 'hours', 'limits', 'check'] as const;
export type StepName = (typeof STEPS)[number];

/** What follows a step. */
export const after = (step: StepName): StepName => STEPS[STEPS.indexOf(step) + 1] ?? step;
