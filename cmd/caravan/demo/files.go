package demo

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"path"

	"github.com/valyala/fasthttp"

	"github.com/caravan-chat/caravan/protocol/client"
)

//go:embed static
var static embed.FS

// contentTypes of the embedded files; a file of another kind does not start.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// file is a body that never changes, with the tag that says so.
type file struct {
	body        []byte
	contentType string
	etag        string
}

func newFile(body []byte, contentType string) *file {
	sum := sha256.Sum256(body)
	return &file{body, contentType, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// readFiles maps request paths to the embedded files: static/index.html is /, static/NAME is /demo/NAME, and a module of
// the JavaScript client /demo/client/NAME.
func readFiles() map[string]*file {
	files := map[string]*file{}
	add := func(from embed.FS, dir, at string) {
		entries, err := fs.ReadDir(from, dir)
		if err != nil {
			panic("demo: the embedded files cannot be listed: " + err.Error())
		}
		for _, e := range entries {
			body, err := fs.ReadFile(from, path.Join(dir, e.Name()))
			if err != nil {
				panic("demo: an embedded file cannot be read: " + err.Error())
			}
			contentType, ok := contentTypes[path.Ext(e.Name())]
			if !ok {
				panic("demo: no content type for " + e.Name())
			}
			files[at+e.Name()] = newFile(body, contentType)
		}
	}
	add(static, "static", "/demo/")
	add(client.Modules, ".", "/demo/client/")
	files["/"] = files["/demo/index.html"]
	delete(files, "/demo/index.html")
	return files
}

// serve answers with the file, or with 304 where the client already has it.
// no-cache: kept, but asked for each time, because the names do not change
// with the content.
func (f *file) serve(ctx *fasthttp.RequestCtx) {
	if bytes.Contains(ctx.Request.Header.Peek(fasthttp.HeaderIfNoneMatch), []byte(f.etag)) {
		ctx.NotModified()
	} else {
		ctx.SetContentType(f.contentType)
		ctx.SetBody(f.body)
	}
	ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-cache")
	ctx.Response.Header.Set(fasthttp.HeaderETag, f.etag)
}
