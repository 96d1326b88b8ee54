export declare function machineNode(): string;
export declare function machineEnvironment(node?: string): NodeJS.ProcessEnv;
