package web_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
)

// patience bounds the wait for what a browser or a root does by itself, on the
// busiest machine.
const patience = 2 * time.Minute

// A browser is a tab of a real Chromium in which pages may run no script.
type browser struct {
	t   *testing.T
	ctx context.Context
}

// newBrowser starts a browser that ends with the test. Whatever it complains
// of, as a breach of the pages' own policy, fails the test.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	b := testenv.Chromium(t)
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(b.Path), chromedp.Env(b.Env...), chromedp.WSURLReadTimeout(patience)}
	for _, arg := range b.Args {
		name, value, has := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		if has {
			options = append(options, chromedp.Flag(name, value))
		} else {
			options = append(options, chromedp.Flag(name, true))
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // bounds a browser that hangs
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, _ = chromedp.NewContext(ctx)
	tab := &browser{t, ctx}
	t.Cleanup(func() { tab.ok(chromedp.Cancel(ctx)) })
	tab.ok(chromedp.Do(ctx, chromedp.Navigate("about:blank")))
	tab.ok(chromedp.Listen(ctx, func(event any) {
		if e, ok := event.(*log.EventEntryAdded); ok && !strings.Contains(e.Entry.Text, "status of 4") {
			t.Errorf("the browser says: %s (%s)", e.Entry.Text, e.Entry.URL)
		}
	}))
	_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	tab.ok(err)
	return tab
}

func (b *browser) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// look sets the size of the screen in CSS pixels and the colours that the
// person prefers.
func (b *browser) look(width, height int64, colours string) {
	b.t.Helper()
	b.ok(chromedp.Do(b.ctx, chromedp.EmulateViewport(width, height)))
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: colours}},
	})
	b.ok(err)
}

func (b *browser) open(url string) {
	b.t.Helper()
	b.ok(chromedp.Do(b.ctx, chromedp.Navigate(url)))
}

// keys presses keys, one after the other.
func (b *browser) keys(keys string) {
	b.t.Helper()
	b.ok(chromedp.Do(b.ctx, chromedp.KeyEvent(keys)))
}

// press presses Enter, down with what it types and up again, as a keyboard does:
// the focus may move in between.
func (b *browser) press() {
	b.t.Helper()
	key := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: "Enter", Code: "Enter", Text: "\r", UnmodifiedText: "\r", WindowsVirtualKeyCode: 13}
	for range 2 {
		_, err := chromedp.Call(b.ctx, input.DispatchKeyEvent, key)
		b.ok(err)
		key.Type, key.Text, key.UnmodifiedText = input.DispatchKeyEventTypeKeyUp, "", ""
	}
}

// enter presses Enter and waits for the page that follows.
func (b *browser) enter() {
	b.t.Helper()
	eval[bool](b, `document.documentElement.classList.add('left') === undefined`)
	b.press()
	b.until(`document.readyState === 'complete' && !document.documentElement.classList.contains('left')`)
}

// until asks about the page until something holds. Between two pages there is
// nothing to ask, which is no failure.
func (b *browser) until(expression string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if holds, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](expression)); err == nil && holds {
			return
		}
		time.Sleep(10 * time.Millisecond) // between two looks
	}
	b.t.Fatalf("this never holds: %s", expression)
}

// tabTo presses Tab until the element of this id has the focus, and sees to it
// that each stop on the way shows that it has it.
func (b *browser) tabTo(id string) {
	b.t.Helper()
	for range 60 {
		b.keys(kb.Tab)
		at := eval[struct {
			ID, Tag string
			Outline float64
		}](b, `(() => { const e = document.activeElement, s = getComputedStyle(e);
			return {ID: e.id, Tag: e.tagName, Outline: s.outlineStyle === 'none' ? 0 : parseFloat(s.outlineWidth)} })()`)
		if at.Tag != "BODY" && at.Outline < 2 {
			b.t.Errorf("%s %q does not show that it has the focus", at.Tag, at.ID)
		}
		if at.ID == id {
			return
		}
	}
	b.t.Fatalf("Tab never reaches %q", id)
}

// clear empties the field that has the focus, by keyboard.
func (b *browser) clear() {
	b.t.Helper()
	b.ok(chromedp.Do(b.ctx, chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)), chromedp.KeyEvent(kb.Delete)))
}

// eval asks about the page. The page itself may run no script; the question is
// asked from outside.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	b.ok(err)
	return v
}

// contrast returns what on the page is too faint to read: text below 4.5:1, or
// 3:1 where it is large, and edges of fields below 3:1 (WCAG 2.2, 1.4.3, 1.4.11).
const contrast = `(() => {
	const parts = c => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m };
	const light = c => { const [r, g, b] = c.slice(0, 3).map(v => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 });
		return .2126 * r + .7152 * g + .0722 * b };
	const ratio = (a, b) => { const x = light(a), y = light(b); return (Math.max(x, y) + .05) / (Math.min(x, y) + .05) };
	const ground = e => { for (; e; e = e.parentElement) { const c = parts(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c }
		return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18, 1] : [255, 255, 255, 1] };
	const wrong = new Set();
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	let texts = 0;
	for (let n; n = walker.nextNode();) {
		const e = n.parentElement, s = getComputedStyle(e);
		if (!n.data.trim() || s.visibility === 'hidden' || e.getClientRects().length === 0) continue;
		texts++;
		const size = parseFloat(s.fontSize), least = size >= 24 || size >= 18.66 && s.fontWeight >= 700 ? 3 : 4.5;
		const r = ratio(parts(s.color), ground(e));
		if (r < least) wrong.add(e.tagName + '.' + e.className + ' "' + n.data.trim().slice(0, 30) + '" ' + r.toFixed(2));
	}
	for (const e of document.querySelectorAll('input, select, textarea, button')) {
		const s = getComputedStyle(e), r = ratio(parts(s.borderTopColor), ground(e.parentElement));
		if (r < 3) wrong.add('edge of ' + e.tagName + ' ' + e.name + ' ' + r.toFixed(2));
	}
	return texts < 5 ? ['the page has hardly any text'] : [...wrong];
})()`

// checkLooks looks at the page at the size of a telephone and of a desk, in
// light and in dark colours. METASERVER_SCREENSHOTS names a folder for the
// pictures.
func (b *browser) checkLooks(name string) {
	b.t.Helper()
	for _, width := range []int64{360, 1280} {
		for _, colours := range []string{"light", "dark"} {
			b.look(width, 800, colours)
			if wide := eval[int64](b, `document.documentElement.scrollWidth`); wide > width {
				b.t.Errorf("%s at %d px: is %d px wide and scrolls sideways", name, width, wide)
			}
			for _, faint := range eval[[]string](b, contrast) {
				b.t.Errorf("%s in %s colours: %s", name, colours, faint)
			}
			b.picture(name, width, colours)
		}
	}
}

func (b *browser) picture(name string, width int64, colours string) {
	b.t.Helper()
	dir := os.Getenv("METASERVER_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	b.ok(err)
	b.ok(os.WriteFile(filepath.Join(dir, name+"-"+map[int64]string{360: "360", 1280: "1280"}[width]+"-"+colours+".png"), png, 0o644))
}
