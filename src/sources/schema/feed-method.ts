/**
 * Finds the method of a feed among the feed's types by a name such as `acme.md.MarketData/Subscribe`. Main thread. Pure.
 */
import { protobuf } from '../../common/protobufjs.js'
import { suggestion } from '../../config/suggestion.js'
import { listed, nameOf } from './type-names.js'

/** A server-streaming method. */
export interface FeedMethod {
  /** As gRPC calls it: `/acme.md.MarketData/Subscribe`. */
  readonly path: string
  readonly request: protobuf.Type
  /** The streamed message. */
  readonly message: protobuf.Type
}

/** @returns the method, or one sentence that says why there is none */
export function findMethod(types: protobuf.Root, name: string): FeedMethod | string {
  const [serviceName = '', methodName = ''] = name.replace(/^\//, '').split('/')
  const services = servicesOf(types)
  const service = services.find(each => nameOf(each) === serviceName)
  if (service === undefined)
    return noSuch('there is no service', serviceName, services.map(nameOf), 'services')
  const method = Object.hasOwn(service.methods, methodName) ? service.methods[methodName] : undefined
  if (method === undefined) {
    const streams = service.methodsArray.filter(isServerStreaming).map(each => each.name)
    return noSuch(`${serviceName} has no method`, methodName, streams, 'server-streaming methods')
  }
  if (!isServerStreaming(method)) return notServerStreaming(service, method)
  return {
    path: `/${serviceName}/${methodName}`,
    request: method.resolvedRequestType!,
    message: method.resolvedResponseType!,
  }
}

/** In the order of their names. */
export function servicesOf(namespace: protobuf.NamespaceBase): protobuf.Service[] {
  const services: protobuf.Service[] = []
  for (const object of namespace.nestedArray) {
    if (object instanceof protobuf.Service) services.push(object)
    else if (object instanceof protobuf.Namespace) services.push(...servicesOf(object))
  }
  return services.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
}

export function isServerStreaming(method: protobuf.Method): boolean {
  return Boolean(method.responseStream) && !method.requestStream
}

function noSuch(what: string, name: string, known: readonly string[], ofThem: string): string {
  const meant = suggestion(name, known)
  const first = `${what} ${name}`
  if (meant !== undefined) return `${first}; did you mean ${meant}?`
  return known.length === 0
    ? `${first}, and there are no ${ofThem}`
    : `${first}; there are the ${ofThem} ${listed(known)}`
}

function notServerStreaming(service: protobuf.Service, method: protobuf.Method): string {
  const form = method.requestStream
    ? `streams ${method.responseStream ? 'in both directions' : 'its requests'}`
    : 'replies with one message'
  const others = service.methodsArray.filter(isServerStreaming).map(each => each.name)
  const advice =
    others.length === 0
      ? `and ${nameOf(service)} has no such method: name one of another service`
      : `such as ${listed(others)}`
  return `${method.name} ${form}: Ringcast calls a method that streams its replies to one request, ${advice}`
}
