import { describeReloadBeats } from './reload-beats.ts';

describeReloadBeats('sqlite');
