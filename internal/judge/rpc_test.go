package judge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func init() { subjects = append(subjects, connects, grpcs) }

type text = wrapperspb.StringValue

// connects is a service of connect-go, which speaks three protocols of its own.
var connects = subject{
	name: "connect",
	mount: func(m mounter, prefix string) {
		m.Mount(prefix+"/Say", connect.NewUnaryHandler(prefix+"/Say",
			func(_ context.Context, r *connect.Request[text]) (*connect.Response[text], error) {
				if r.Msg.Value == "fail" {
					err := connect.NewError(connect.CodeNotFound, errors.New("nobody"))
					err.Meta().Set("X-Why", "absent")
					return nil, err
				}
				answer := connect.NewResponse(wrapperspb.String("said " + r.Msg.Value))
				answer.Header().Set("X-Head", r.Header().Get("X-Ask"))
				answer.Trailer().Set("X-Tail", "t")
				return answer, nil
			}))
		m.Mount(prefix+"/Count", connect.NewServerStreamHandler(prefix+"/Count",
			func(_ context.Context, r *connect.Request[text], s *connect.ServerStream[text]) error {
				s.ResponseTrailer().Set("X-Tail", "t")
				for i := range 3 {
					if err := s.Send(wrapperspb.String(fmt.Sprint(r.Msg.Value, i))); err != nil {
						return err
					}
				}
				return connect.NewError(connect.CodeAborted, errors.New("enough"))
			}))
		m.Mount(prefix+"/Join", connect.NewClientStreamHandler(prefix+"/Join",
			func(_ context.Context, s *connect.ClientStream[text]) (*connect.Response[text], error) {
				var all strings.Builder
				for s.Receive() {
					all.WriteString(s.Msg().Value)
				}
				return connect.NewResponse(wrapperspb.String(all.String())), s.Err()
			}))
		m.Mount(prefix+"/Chat", connect.NewBidiStreamHandler(prefix+"/Chat",
			func(_ context.Context, s *connect.BidiStream[text, text]) error {
				for {
					m, err := s.Receive()
					if errors.Is(err, io.EOF) {
						return nil
					}
					if err != nil {
						return err
					}
					if err := s.Send(m); err != nil {
						return err
					}
				}
			}))
	},
	talks: map[string]func(*testing.T, target) []string{
		"unary":         connectUnary(),
		"unary-grpcweb": connectUnary(connect.WithGRPCWeb()),
		"unary-grpc":    overHTTP2(connectUnary(connect.WithGRPC())),
		"get":           connectUnary(connect.WithHTTPGet()),
		"count":         connectCount(),
		"count-grpcweb": connectCount(connect.WithGRPCWeb()),
		"count-grpc":    overHTTP2(connectCount(connect.WithGRPC())),
		"join":          connectJoin,
		"chat":          overHTTP2(connectChat()),
		"chat-grpc":     overHTTP2(connectChat(connect.WithGRPC())),
	},
}

// overHTTP2 leaves HTTP/1.1 out.
func overHTTP2(talk func(*testing.T, target) []string) func(*testing.T, target) []string {
	return func(t *testing.T, to target) []string {
		if to.one() {
			t.Skip("needs HTTP/2 or later")
		}
		return talk(t, to)
	}
}

func connectError(err error) string {
	var e *connect.Error
	if !errors.As(err, &e) {
		return fmt.Sprint("error ", err)
	}
	return fmt.Sprintf("error %v %s %v", e.Code(), e.Message(), e.Meta().Values("X-Why"))
}

func connectClient(t *testing.T, to target, method string, o ...connect.ClientOption) *connect.Client[text, text] {
	return connect.NewClient[text, text](to.client(t), to.url("/connect/"+method), o...)
}

func connectUnary(o ...connect.ClientOption) func(*testing.T, target) []string {
	return func(t *testing.T, to target) []string {
		var lines []string
		c := connectClient(t, to, "Say", o...)
		for _, say := range []string{"hello", strings.Repeat("x", 5000), "fail"} {
			r := connect.NewRequest(wrapperspb.String(say))
			r.Header().Set("X-Ask", "a")
			answer, err := c.CallUnary(context.Background(), r)
			if err != nil {
				lines = append(lines, connectError(err))
				continue
			}
			lines = append(lines, fmt.Sprint(len(answer.Msg.Value), answer.Header().Get("X-Head"), answer.Trailer().Get("X-Tail")))
		}
		return lines
	}
}

func connectCount(o ...connect.ClientOption) func(*testing.T, target) []string {
	return func(t *testing.T, to target) []string {
		s, err := connectClient(t, to, "Count", o...).CallServerStream(context.Background(), connect.NewRequest(wrapperspb.String("n")))
		if err != nil {
			return []string{connectError(err)}
		}
		defer s.Close()
		var lines []string
		for s.Receive() {
			lines = append(lines, s.Msg().Value)
		}
		return append(lines, connectError(s.Err()), "tail "+s.ResponseTrailer().Get("X-Tail"))
	}
}

func connectJoin(t *testing.T, to target) []string {
	s := connectClient(t, to, "Join").CallClientStream(context.Background())
	for i := range 5 {
		if err := s.Send(wrapperspb.String(fmt.Sprint(i))); err != nil {
			return []string{"send " + err.Error()}
		}
	}
	answer, err := s.CloseAndReceive()
	if err != nil {
		return []string{connectError(err)}
	}
	return []string{answer.Msg.Value}
}

func connectChat(o ...connect.ClientOption) func(*testing.T, target) []string {
	return func(t *testing.T, to target) []string {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		s := connectClient(t, to, "Chat", o...).CallBidiStream(ctx)
		defer s.CloseResponse()
		var lines []string
		for i := range 4 {
			if err := s.Send(wrapperspb.String(fmt.Sprint("m", i))); err != nil {
				return append(lines, "send "+err.Error())
			}
			m, err := s.Receive()
			if err != nil {
				return append(lines, connectError(err))
			}
			lines = append(lines, m.Value)
		}
		s.CloseRequest()
		_, err := s.Receive()
		return append(lines, fmt.Sprint("end ", errors.Is(err, io.EOF)))
	}
}

// grpcs is grpc-go as an http.Handler.
var grpcs = subject{
	name: "grpc", only: []protocol{h2, h2c},
	mount: func(m mounter, _ string) { m.Mount("/judge.Echo/", echoService()) },
	talks: map[string]func(*testing.T, target) []string{
		"unary": grpcUnary, "chat": grpcChat, "deadline": grpcDeadline, "metadata": grpcMetadata, "unknown": grpcUnknown,
	},
}

func echoService() http.Handler {
	s := grpc.NewServer()
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: "judge.Echo", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Say", Handler: grpcSay}},
		Streams: []grpc.StreamDesc{
			{StreamName: "Chat", ServerStreams: true, ClientStreams: true, Handler: grpcEcho},
			{StreamName: "Tick", ServerStreams: true, ClientStreams: true, Handler: grpcTick},
		},
	}, nil)
	return s
}

func grpcEcho(_ any, s grpc.ServerStream) error {
	for {
		m := new(text)
		err := s.RecvMsg(m)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err := errors.Join(err, s.SendMsg(m)); err != nil {
			return err
		}
	}
}

// grpcTick sends three messages with the asked time between them.
func grpcTick(_ any, s grpc.ServerStream) error {
	m := new(text)
	if err := s.RecvMsg(m); err != nil {
		return err
	}
	every, err := time.ParseDuration(m.Value)
	if err != nil {
		return err
	}
	for range 3 {
		if err := s.SendMsg(m); err != nil {
			return err
		}
		select {
		case <-time.After(every):
		case <-s.Context().Done():
			return s.Context().Err()
		}
	}
	return nil
}

func grpcSay(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	m := new(text)
	if err := decode(m); err != nil {
		return nil, err
	}
	switch m.Value {
	case "fail":
		return nil, status.Error(codes.NotFound, "nobody: ü%")
	case "wait":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	asked, _ := metadata.FromIncomingContext(ctx)
	grpc.SetHeader(ctx, metadata.Pairs("x-head", strings.Join(asked.Get("x-ask"), ","), "x-bin", "\x00\x01"))
	grpc.SetTrailer(ctx, metadata.Pairs("x-tail", "t"))
	return wrapperspb.String("said " + m.Value), nil
}

func grpcConn(t *testing.T, to target) *grpc.ClientConn {
	t.Helper()
	secret := insecure.NewCredentials()
	if to.secure() {
		secret = credentials.NewTLS(to.trust.Clone())
	}
	conn, err := grpc.NewClient("passthrough:///"+to.addr, grpc.WithTransportCredentials(secret))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func grpcCall(t *testing.T, ctx context.Context, to target, method, say string, o ...grpc.CallOption) string {
	answer := new(text)
	err := grpcConn(t, to).Invoke(ctx, method, wrapperspb.String(say), answer, o...)
	if err != nil {
		return fmt.Sprintf("error %v %q", status.Code(err), status.Convert(err).Message())
	}
	return fmt.Sprint("answer of ", len(answer.Value))
}

func grpcUnary(t *testing.T, to target) []string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return []string{
		grpcCall(t, ctx, to, "/judge.Echo/Say", "hello"),
		grpcCall(t, ctx, to, "/judge.Echo/Say", strings.Repeat("x", 1<<20)),
		grpcCall(t, ctx, to, "/judge.Echo/Say", strings.Repeat("x", 1<<20), grpc.UseCompressor("gzip")),
		grpcCall(t, ctx, to, "/judge.Echo/Say", "fail"),
	}
}

func grpcUnknown(t *testing.T, to target) []string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return []string{grpcCall(t, ctx, to, "/judge.Echo/Nothing", "hello")}
}

func grpcDeadline(t *testing.T, to target) []string {
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	return []string{grpcCall(t, ctx, to, "/judge.Echo/Say", "wait")}
}

func grpcMetadata(t *testing.T, to target) []string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "x-ask", "1", "x-ask", "2")
	var head, tail metadata.MD
	lines := []string{grpcCall(t, ctx, to, "/judge.Echo/Say", "hello", grpc.Header(&head), grpc.Trailer(&tail))}
	delete(head, "date")
	for _, md := range []metadata.MD{head, tail} {
		var all []string
		for name, values := range md {
			all = append(all, fmt.Sprintf("%s %q", name, values))
		}
		slices.Sort(all)
		lines = append(lines, all...)
	}
	return lines
}

func grpcChat(t *testing.T, to target) []string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := grpcConn(t, to).NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/judge.Echo/Chat")
	if err != nil {
		return []string{err.Error()}
	}
	var lines []string
	for i := range 5 {
		got := new(text)
		if err := errors.Join(s.SendMsg(wrapperspb.String(fmt.Sprint("m", i))), s.RecvMsg(got)); err != nil {
			return append(lines, err.Error())
		}
		lines = append(lines, got.Value)
	}
	s.CloseSend()
	return append(lines, fmt.Sprint("end ", s.RecvMsg(new(text))))
}
