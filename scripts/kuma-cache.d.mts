export declare function kumaDirectory(folder?: string): string;
