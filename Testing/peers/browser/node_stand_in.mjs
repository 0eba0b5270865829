// What stands for Node's own modules in the bundle for browsers: packages name them and do not use them there.
export class EventEmitter {}
