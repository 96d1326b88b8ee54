export declare function cacheFolder(): string;
export declare function kumaDirectory(folder?: string): string;
