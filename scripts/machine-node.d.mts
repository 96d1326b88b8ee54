export declare function machineNode(): string;
export declare function machineEnvironment(node?: string): NodeJS.ProcessEnv;
export declare function findProgram(name: string, folders?: readonly string[]): string | undefined;
